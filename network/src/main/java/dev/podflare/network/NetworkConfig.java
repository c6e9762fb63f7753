package dev.podflare.network;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How slots are joined to the host.
 *
 * @param range outer addresses; the first one is that of resolver and gate, each slot takes one
 * @param exceptions of the always-denied ranges: what the operator opens to guests
 * @param mtu of the slots; empty: that of the link to the internet, at most 1500
 * @param ipv6 whether guests have IPv6 where the host has it, see {@link HostIpv6}
 * @param hostNamespace network namespace that counts as the host; empty: the daemon's own
 */
public record NetworkConfig(
    Cidr range,
    List<Cidr> exceptions,
    SlotLimits limits,
    OptionalInt mtu,
    boolean ipv6,
    Optional<Path> hostNamespace) {

  private static final int LEAST_MTU = 576;
  private static final int MOST_MTU = 1500;
  private static final int WIDEST = 12;
  private static final int NARROWEST = 28;

  public NetworkConfig {
    exceptions = List.copyOf(exceptions);
    if (!range.v4() || range.prefix() < WIDEST || range.prefix() > NARROWEST) {
      throw new PodflareException(
          ErrorCode.INVALID_CONFIG,
          "the range of the slots must be an IPv4 block of /12 to /28, not " + range);
    }
    if (mtu.isPresent() && (mtu.getAsInt() < LEAST_MTU || mtu.getAsInt() > MOST_MTU)) {
      throw new PodflareException(
          ErrorCode.INVALID_CONFIG, "the MTU must be 576 to 1500, not " + mtu.getAsInt());
    }
  }

  /** 10.213.0.0/16, no exceptions, usual limits, in the daemon's own namespace. */
  public static NetworkConfig defaults() {
    return new NetworkConfig(
        Cidr.parse("10.213.0.0/16"),
        List.of(),
        SlotLimits.DEFAULT,
        OptionalInt.empty(),
        true,
        Optional.empty());
  }

  /** The same with another range. */
  public NetworkConfig withRange(Cidr other) {
    return new NetworkConfig(other, exceptions, limits, mtu, ipv6, hostNamespace);
  }

  /** The same with other exceptions. */
  public NetworkConfig withExceptions(List<Cidr> others) {
    return new NetworkConfig(range, others, limits, mtu, ipv6, hostNamespace);
  }

  /** The same without IPv6, whatever the host has. */
  public NetworkConfig withoutIpv6() {
    return new NetworkConfig(range, exceptions, limits, mtu, false, hostNamespace);
  }

  /** The same with other limits. */
  public NetworkConfig withLimits(SlotLimits others) {
    return new NetworkConfig(range, exceptions, others, mtu, ipv6, hostNamespace);
  }

  /** The same with another namespace as the host. */
  public NetworkConfig withHostNamespace(Path namespace) {
    return new NetworkConfig(range, exceptions, limits, mtu, ipv6, Optional.of(namespace));
  }
}
