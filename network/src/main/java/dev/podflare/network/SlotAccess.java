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
  void pin(Inet4Address slot, String name, List<Inet4Address> addresses, Duration time);

  /** Whether the slot was told this address for this name, and the time is not over. */
  boolean pinned(Inet4Address slot, String name, Inet4Address address);

  /** Whether no policy may allow this address; see {@link DeniedRanges}. */
  boolean alwaysDenied(InetAddress address);

  /** Counts a refusal and keeps it among the slot's last ones. */
  void refused(Inet4Address slot, Refusal refusal);
}
