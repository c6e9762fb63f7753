package dev.podflare.linux;

import dev.podflare.common.PodflareException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * Entries of the kernel's connection tracking in one network namespace, through ctnetlink. Belongs
 * to the namespace of the thread that opened it. Thread-safe.
 */
public final class Conntrack implements AutoCloseable {
  private static final int SUBSYSTEM = 1 << 8;
  private static final int GET = SUBSYSTEM | 1;
  private static final int DELETE = SUBSYSTEM | 2;
  private static final int AF_UNSPEC = 0;
  private static final int TUPLE_ORIGINAL = 1;
  private static final int ID = 12;
  private static final int ZONE = 18;
  private static final int ENOENT = 2;
  private static final int NESTED = 0x8000;

  /** Source and destination, of IPv4 and of IPv6. */
  private static final List<Integer> ENDS = List.of(1, 2, 3, 4);

  private final NetlinkSocket socket;

  private Conntrack(NetlinkSocket socket) {
    this.socket = socket;
  }

  /** Of the calling thread's network namespace. */
  public static Conntrack open() {
    return new Conntrack(NetlinkSocket.open(NetlinkSocket.NETFILTER));
  }

  /** Forgets every connection of the namespace, of both versions. */
  public void flush() {
    socket.request("flush connections", header(DELETE, NetlinkMessage.ACK, AF_UNSPEC));
  }

  /**
   * Forgets the connections whose opener or wanted end is one of these addresses; answers how many
   * there were.
   */
  public int delete(Predicate<InetAddress> wanted) {
    int deleted = 0;
    NetlinkMessage all = header(GET, NetlinkMessage.DUMP, AF_UNSPEC);
    for (ByteBuffer entry : socket.request("list connections", all)) {
      Map<Integer, ByteBuffer> attributes = NetlinkMessage.attributes(entry, 20);
      ByteBuffer tuple = attributes.get(TUPLE_ORIGINAL);
      if (tuple != null && names(tuple, wanted) && delete(attributes, tuple, entry.get(16))) {
        deleted++;
      }
    }
    return deleted;
  }

  private static boolean names(ByteBuffer tuple, Predicate<InetAddress> wanted) {
    ByteBuffer addresses = NetlinkMessage.attributes(tuple, 0).get(1);
    if (addresses == null) {
      return false;
    }
    Map<Integer, ByteBuffer> ends = NetlinkMessage.attributes(addresses, 0);
    return ENDS.stream()
        .map(ends::get)
        .anyMatch(end -> end != null && wanted.test(Links.address(NetlinkMessage.bytes(end))));
  }

  private boolean delete(Map<Integer, ByteBuffer> attributes, ByteBuffer tuple, int family) {
    NetlinkMessage message = header(DELETE, NetlinkMessage.ACK, family);
    message.attribute(TUPLE_ORIGINAL | NESTED, NetlinkMessage.bytes(tuple));
    for (int type : List.of(ID, ZONE)) {
      ByteBuffer value = attributes.get(type);
      if (value != null) {
        message.attribute(type, NetlinkMessage.bytes(value));
      }
    }
    try {
      socket.request("delete connection", message);
      return true;
    } catch (PodflareException e) {
      if (Libc.failedWith(e, ENOENT)) {
        return false; // it ended by itself
      }
      throw e;
    }
  }

  private static NetlinkMessage header(int type, int flags, int family) {
    return NetlinkMessage.of(type, flags).u8(family).u8(0).be16(0);
  }

  @Override
  public void close() {
    socket.close();
  }
}
