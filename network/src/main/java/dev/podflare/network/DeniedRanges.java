package dev.podflare.network;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Addresses that no policy may allow: private, link-local, metadata, multicast and reserved ranges,
 * in IPv4 and in every IPv6 form that carries IPv4; the host's own addresses, public ones too; and
 * all slots.
 *
 * <p>The operator's exceptions open ranges, with two limits. Slots stay closed to each other,
 * always. And an address of the host opens only when it is listed by itself: who opens {@code
 * 10.0.0.0/8} means the machines there, not the daemon's own ports. Thread-safe if the supplier is.
 */
public final class DeniedRanges {
  private static final List<Cidr> RANGES =
      parse(
          "0.0.0.0/8",
          "10.0.0.0/8",
          "100.64.0.0/10",
          "127.0.0.0/8",
          "169.254.0.0/16",
          "172.16.0.0/12",
          "192.0.0.0/24",
          "192.168.0.0/16",
          "198.18.0.0/15",
          "224.0.0.0/4",
          "240.0.0.0/4",
          "::/128",
          "::1/128",
          "64:ff9b:1::/48",
          "100::/64",
          "2001:2::/48",
          "fc00::/7",
          "fe80::/10",
          "fec0::/10",
          "ff00::/8");

  private static final Cidr TEREDO = Cidr.parse("2001::/32");

  /** Blocks whose addresses carry an IPv4 address, and the byte where it begins. */
  private static final List<Embedding> EMBEDDINGS =
      List.of(
          new Embedding(new Cidr(Addresses.of(new byte[16]), 96), 12),
          new Embedding(Cidr.parse("::ffff:0:0:0/96"), 12),
          new Embedding(Cidr.parse("64:ff9b::/96"), 12),
          new Embedding(Cidr.parse("2002::/16"), 2),
          new Embedding(TEREDO, 4));

  private record Embedding(Cidr block, int offset) {}

  private final Cidr slots;
  private final List<Cidr> exceptions;
  private final Supplier<Set<InetAddress>> hostAddresses;

  /**
   * @param slots range of the slots' outer addresses
   * @param exceptions what the operator opens
   * @param hostAddresses all addresses of the host at this time; asked for each address
   */
  public DeniedRanges(Cidr slots, List<Cidr> exceptions, Supplier<Set<InetAddress>> hostAddresses) {
    this.slots = slots;
    this.exceptions = List.copyOf(exceptions);
    this.hostAddresses = hostAddresses;
  }

  /** The fixed ranges, without slots and host. */
  public static List<Cidr> fixed() {
    return RANGES;
  }

  /** What the operator opened. */
  public List<Cidr> exceptions() {
    return exceptions;
  }

  /** Range of the slots; closed whatever the exceptions say. */
  public Cidr slots() {
    return slots;
  }

  /** The host's own addresses that stay closed. */
  public List<InetAddress> closedHostAddresses() {
    return hostAddresses.get().stream()
        .filter(address -> !exceptions.contains(Cidr.of(address)))
        .toList();
  }

  /** Whether the address, in whatever form, is closed to every guest. */
  public boolean contains(InetAddress address) {
    if (slots.contains(address)) {
      return true;
    }
    if (hostAddresses.get().contains(address)) {
      return !exceptions.contains(Cidr.of(address));
    }
    if (any(exceptions, address)) {
      return false;
    }
    return any(RANGES, address)
        || (!(address instanceof Inet4Address) && carriesDenied(address.getAddress()));
  }

  private boolean carriesDenied(byte[] bytes) {
    InetAddress whole = Addresses.of(bytes);
    for (Embedding embedding : EMBEDDINGS) {
      if (embedding.block().contains(whole) && contains(inner(bytes, embedding.offset(), 0))) {
        return true;
      }
    }
    // A Teredo client's address is stored inverted; ISATAP's stands behind 0:5efe or 200:5efe.
    boolean isatap =
        (bytes[8] & 0xfd) == 0 && bytes[9] == 0 && bytes[10] == 0x5e && bytes[11] == -2;
    return (TEREDO.contains(whole) && contains(inner(bytes, 12, 0xff)))
        || (isatap && contains(inner(bytes, 12, 0)));
  }

  private static InetAddress inner(byte[] bytes, int offset, int mask) {
    byte[] four = Arrays.copyOfRange(bytes, offset, offset + 4);
    for (int index = 0; index < four.length; index++) {
      four[index] ^= (byte) mask;
    }
    return Addresses.of(four);
  }

  private static boolean any(List<Cidr> blocks, InetAddress address) {
    for (Cidr block : blocks) {
      if (block.contains(address)) {
        return true;
      }
    }
    return false;
  }

  private static List<Cidr> parse(String... blocks) {
    return Arrays.stream(blocks).map(Cidr::parse).toList();
  }
}
