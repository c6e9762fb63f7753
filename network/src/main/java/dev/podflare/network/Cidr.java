package dev.podflare.network;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.regex.Pattern;

/**
 * A block of addresses, v4 or v6, without host bits. Written {@code 192.0.2.0/24}, {@code
 * 2001:db8::/32}; a single address may be written without its prefix.
 */
public record Cidr(InetAddress network, int prefix) {
  private static final Pattern OCTETS =
      Pattern.compile("(?:(?:0|[1-9]\\d{0,2})\\.){3}(?:0|[1-9]\\d{0,2})");
  private static final Pattern GROUPS = Pattern.compile("[0-9a-fA-F:.]*:[0-9a-fA-F:.]*");
  private static final Pattern PREFIX = Pattern.compile("0|[1-9]\\d{0,2}");

  /** Every IPv4 address. */
  public static final Cidr ANY_V4 = parse("0.0.0.0/0");

  /** Every IPv6 address. */
  public static final Cidr ANY_V6 = parse("::/0");

  public Cidr {
    int bits = network.getAddress().length * Byte.SIZE;
    if (prefix < 0 || prefix > bits) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD,
          "a prefix of " + prefix + " is not within 0 to " + bits + " for " + text(network));
    }
    if (network instanceof Inet6Address scoped && scoped.getScopeId() != 0) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD, "an address with a scope is no block: " + scoped);
    }
    byte[] masked = network.getAddress();
    for (int bit = prefix; bit < bits; bit++) {
      masked[bit / Byte.SIZE] &= (byte) ~(0x80 >> (bit % Byte.SIZE));
    }
    InetAddress lowest = Addresses.of(masked);
    if (!lowest.equals(network)) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD,
          text(network) + "/" + prefix + " has host bits; write " + text(lowest) + "/" + prefix);
    }
  }

  /** The block of this one address. */
  public static Cidr of(InetAddress address) {
    return new Cidr(address, address.getAddress().length * Byte.SIZE);
  }

  /**
   * Reads an address or a block in its standard spelling only.
   *
   * @throws PodflareException {@code invalid_field} for anything else, above all for spellings that
   *     programs read differently: octal, decimal, hexadecimal or short IPv4, IPv4 inside IPv6
   */
  public static Cidr parse(String text) {
    int slash = text.indexOf('/');
    if (slash < 0) {
      return of(parseAddress(text));
    }
    String prefix = text.substring(slash + 1);
    if (!PREFIX.matcher(prefix).matches()) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD, "not a prefix length: '" + prefix + "' in '" + text + "'");
    }
    return new Cidr(parseAddress(text.substring(0, slash)), Integer.parseInt(prefix));
  }

  private static InetAddress parseAddress(String text) {
    try {
      if (OCTETS.matcher(text).matches()) {
        return Inet4Address.ofLiteral(text);
      }
      if (GROUPS.matcher(text).matches()
          && Inet6Address.ofLiteral(text) instanceof Inet6Address address) {
        return address;
      }
    } catch (IllegalArgumentException e) {
      throw new PodflareException(ErrorCode.INVALID_FIELD, "not an address: '" + text + "'", e);
    }
    throw new PodflareException(
        ErrorCode.INVALID_FIELD,
        "not an address in its standard spelling: '"
            + text
            + "'; write four decimal numbers (192.0.2.1) or IPv6 groups (2001:db8::1)");
  }

  /** Whether the address lies in this block; never true for the other IP version. */
  public boolean contains(InetAddress address) {
    byte[] mine = network.getAddress();
    byte[] other = address.getAddress();
    if (mine.length != other.length) {
      return false;
    }
    int whole = prefix / Byte.SIZE;
    for (int index = 0; index < whole; index++) {
      if (mine[index] != other[index]) {
        return false;
      }
    }
    int rest = prefix % Byte.SIZE;
    return rest == 0 || ((mine[whole] ^ other[whole]) & (0xff << (Byte.SIZE - rest)) & 0xff) == 0;
  }

  /** Whether the two blocks have an address in common. */
  public boolean overlaps(Cidr other) {
    return contains(other.network) || other.contains(network);
  }

  /** Whether this is exactly one address. */
  public boolean single() {
    return prefix == network.getAddress().length * Byte.SIZE;
  }

  /** Whether this is a block of IPv4 addresses. */
  public boolean v4() {
    return network instanceof Inet4Address;
  }

  /** Standard spelling; a single address without its prefix. */
  @Override
  public String toString() {
    return single() ? text(network) : text(network) + "/" + prefix;
  }

  private static String text(InetAddress address) {
    return Addresses.text(address);
  }
}
