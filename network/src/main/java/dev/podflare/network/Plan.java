package dev.podflare.network;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.net.Inet4Address;
import java.nio.ByteBuffer;
import java.nio.file.Path;

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
  static final String GUEST_MAC = "02:70:66:00:00:02";
  static final String GATEWAY_MAC = "02:70:66:00:00:01";

  /** Ends of the pair between slot and host; each pair is alone, so they need not differ. */
  static final String HOST_MAC = "02:70:66:00:01:01";

  static final String UPLINK_MAC = "02:70:66:00:01:02";
  static final String TAP = "tap0";
  static final String UPLINK = "eth0";

  private static final Path NAMESPACES = Path.of("/run/podflare/network");
  private static final int FIRST_SLOT = 2;

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
    return new Place(
        index,
        number,
        folder().resolve(number),
        gateLink() + "-" + number,
        address(FIRST_SLOT + index));
  }

  private Inet4Address address(int offset) {
    int first = ByteBuffer.wrap(range.network().getAddress()).getInt();
    return (Inet4Address) Addresses.of(ByteBuffer.allocate(4).putInt(first + offset).array());
  }

  static Inet4Address inner(String text) {
    return (Inet4Address) Cidr.parse(text).network();
  }

  /**
   * Where one slot is.
   *
   * @param link its end on the host
   */
  record Place(int index, String name, Path namespace, String link, Inet4Address outer) {}
}
