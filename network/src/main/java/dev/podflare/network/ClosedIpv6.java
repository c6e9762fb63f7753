package dev.podflare.network;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * IPv6 addresses that are closed to guests beyond {@link DeniedRanges}.
 *
 * <p>Forms that carry an IPv4 address are closed as a whole, not only those of closed addresses: a
 * guest's policy names IPv4 addresses as such, and a translator or relay somewhere behind the host
 * would be a way around it. So are the blocks of the host's neighbours. A machine of the same
 * network has a private IPv4 address, which is closed, and a public IPv6 one, which must not be the
 * way to it. The operator's exceptions open both. Thread-safe if the supplier is.
 */
final class ClosedIpv6 {
  /** IPv4-compatible, mapped and translated in the first one; NAT64, Teredo, 6to4. */
  private static final List<Cidr> CARRIERS =
      Stream.of("::/64", "64:ff9b::/96", "2001::/32", "2002::/16").map(Cidr::parse).toList();

  private final Cidr slots;
  private final List<Cidr> exceptions;
  private final Supplier<Set<Cidr>> neighbours;

  /**
   * @param slots closed whatever the exceptions say
   * @param neighbours blocks of the host's own links at this time; asked for each address
   */
  ClosedIpv6(Cidr slots, List<Cidr> exceptions, Supplier<Set<Cidr>> neighbours) {
    this.slots = slots;
    this.exceptions = List.copyOf(exceptions);
    this.neighbours = neighbours;
  }

  /** Blocks that are closed on every host. */
  static List<Cidr> fixed() {
    return CARRIERS;
  }

  /** How the packet filter knows ISATAP's addresses, which no block holds. */
  static final String ISATAP = "& ::fdff:ffff:0:0 == ::5efe:0:0";

  boolean contains(InetAddress address) {
    if (!(address instanceof Inet6Address)) {
      return false;
    }
    if (slots.contains(address) || isatap(address.getAddress())) {
      return true;
    }
    return !any(exceptions, address)
        && (any(CARRIERS, address) || any(List.copyOf(neighbours.get()), address));
  }

  private static boolean isatap(byte[] bytes) {
    return (bytes[8] & 0xfd) == 0 && bytes[9] == 0 && bytes[10] == 0x5e && bytes[11] == -2;
  }

  private static boolean any(List<Cidr> blocks, InetAddress address) {
    return blocks.stream().anyMatch(block -> block.contains(address));
  }
}
