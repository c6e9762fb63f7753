package dev.podflare.network;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;

/**
 * Names and addresses of one daemon's network, all made of its instance and its range. Immutable.
 *
 * @param instance eight hexadecimal digits that no other daemon of the host has
 */
record Plan(String instance, Cidr range) {
  /** The same in every slot, so that a guest that is restored elsewhere notices nothing. */
  static final String GUEST = "192.0.0.2";

  static final String GATEWAY = "192.0.0.1";
  static final int INNER_PREFIX = 29;

  /**
   * The same of IPv6; programs take IPv4 first where a name has both, since this is a local one.
   */
  static final String GUEST6 = "fd70:6f64:666c::2";

  static final String GATEWAY6 = "fd70:6f64:666c::1";
  static final int INNER_PREFIX6 = 64;
  static final String GUEST_MAC = "02:70:66:00:00:02";
  static final String GATEWAY_MAC = "02:70:66:00:00:01";

  /** Ends of the pair between slot and host; each pair is alone, so they need not differ. */
  static final String HOST_MAC = "02:70:66:00:01:01";

  static final String UPLINK_MAC = "02:70:66:00:01:02";
  static final String TAP = "tap0";
  static final String UPLINK = "eth0";

  private static final Path NAMESPACES = Path.of("/run/podflare/network");
  private static final int FIRST_SLOT = 2;
  private static final int RANGE6_PREFIX = 64;
  private static final int LAST_FOUR = 12;

  Plan {
    if (!instance.matches("[0-9a-f]{8}")) {
      throw new PodflareException(
          ErrorCode.INVALID_CONFIG, "an instance is eight hexadecimal digits, not " + instance);
    }
  }

  /** Table in the host's namespace; also the mark of our rules in other programs' chains. */
  String table() {
    return "podflare_" + instance;
  }

  /** Metric of our route to nowhere, by which it is known as ours, whatever range it is for. */
  int metric() {
    return Integer.parseUnsignedInt(instance, 16) >>> 1;
  }

  /** Link that carries the gate's address. */
  String gateLink() {
    return "pf" + instance;
  }

  /** Start of the name of every slot's link on the host, as the packet filter writes it. */
  String links() {
    return gateLink() + "-*";
  }

  /** Address of resolver and gate: the range's first. */
  Inet4Address gate() {
    return address(1);
  }

  /**
   * Outer IPv6 addresses, of this daemon alone: a local block that carries the instance. A slot's
   * address ends in its IPv4 one.
   */
  Cidr range6() {
    byte[] bytes = new byte[16];
    bytes[0] = (byte) 0xfd;
    bytes[1] = 's';
    System.arraycopy(HexFormat.of().parseHex(instance), 0, bytes, 2, 4);
    return new Cidr(Addresses.of(bytes), RANGE6_PREFIX);
  }

  /** Where the gate is reached with IPv6. */
  Inet6Address gate6() {
    return outer6(gate());
  }

  private Inet6Address outer6(Inet4Address outer) {
    byte[] bytes = range6().network().getAddress();
    System.arraycopy(outer.getAddress(), 0, bytes, LAST_FOUR, 4);
    return (Inet6Address) Addresses.of(bytes);
  }

  /** The outer IPv4 address of the slot that has this outer address, of whichever version. */
  Optional<Inet4Address> outer(InetAddress address) {
    if (address instanceof Inet4Address outer) {
      return Optional.of(outer).filter(range::contains);
    }
    if (!range6().contains(address)) {
      return Optional.empty();
    }
    byte[] four = Arrays.copyOfRange(address.getAddress(), LAST_FOUR, 16);
    return Optional.of((Inet4Address) Addresses.of(four))
        .filter(outer -> range.contains(outer) && outer6(outer).equals(address));
  }

  /** How many slots the range has room for. */
  int slots() {
    return (1 << (32 - range.prefix())) - FIRST_SLOT - 1;
  }

  /** Folder of the slots' namespaces. */
  Path folder() {
    return NAMESPACES.resolve(instance);
  }

  Place place(int index) {
    String number = String.format("%04x", index);
    Inet4Address outer = address(FIRST_SLOT + index);
    return new Place(
        index, number, folder().resolve(number), gateLink() + "-" + number, outer, outer6(outer));
  }

  private Inet4Address address(int offset) {
    int first = ByteBuffer.wrap(range.network().getAddress()).getInt();
    return (Inet4Address) Addresses.of(ByteBuffer.allocate(4).putInt(first + offset).array());
  }

  static InetAddress inner(String text) {
    return Cidr.parse(text).network();
  }

  /**
   * Where one slot is.
   *
   * @param link its end on the host
   */
  record Place(
      int index,
      String name,
      Path namespace,
      String link,
      Inet4Address outer,
      Inet6Address outer6) {
    /** Whether this is an address of the slot, of either version. */
    boolean has(InetAddress address) {
      return outer.equals(address) || outer6.equals(address);
    }
  }
}
