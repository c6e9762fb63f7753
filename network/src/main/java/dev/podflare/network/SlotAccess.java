package dev.podflare.network;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** What the resolver and the gate may know and change of a slot. Thread-safe. */
public interface SlotAccess {
  /** The policy in force; empty if no slot in use has this outer address. */
  Optional<EgressPolicy> policy(Inet4Address slot);

  /** Lets the slot reach these addresses under a domain rule for the time, through the gate. */
  void pin(Inet4Address slot, String name, List<? extends InetAddress> addresses, Duration time);

  /** Whether the slot was told this address for this name, and the time is not over. */
  boolean pinned(Inet4Address slot, String name, InetAddress address);

  /** Whether guests have IPv6, so that they may be told such addresses. */
  default boolean ipv6() {
    return false;
  }

  /** The slot that this address of a connection's opener stands for, by its outer IPv4 address. */
  default Optional<Inet4Address> slot(InetAddress opener) {
    return opener instanceof Inet4Address outer ? Optional.of(outer) : Optional.empty();
  }

  /** Whether no policy may allow this address; see {@link DeniedRanges}. */
  boolean alwaysDenied(InetAddress address);

  /** Secrets of the slot for this host and port, in their order. */
  default List<SecretRule> secrets(Inet4Address slot, String host, int port) {
    return List.of();
  }

  /** Whether the slot has secrets for some host on this port. */
  default boolean named(Inet4Address slot, int port) {
    return false;
  }

  /** Counts a request that got a secret, by its name; or one to its hosts that was refused. */
  default void secretUsed(Inet4Address slot, String secret, boolean refused) {}

  /** Counts a refusal and keeps it among the slot's last ones. */
  void refused(Inet4Address slot, Refusal refusal);
}
