package dev.podflare.linux;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A netlink socket. It belongs for good to the network namespace of the thread that opened it, and
 * may then be used from anywhere. Every request waits for its answer, at most {@link
 * #TIMEOUT_SECONDS}. Thread-safe: one request at a time.
 */
final class NetlinkSocket implements AutoCloseable {
  static final int ROUTE = 0;
  static final int NETFILTER = 12;

  private static final int TIMEOUT_SECONDS = 10;
  private static final int BUFFER = 1 << 17;
  private static final int KERNEL_BUFFER = 1 << 21;
  private static final int ERROR = 2;
  private static final int DONE = 3;

  private final int fd;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment buffer = arena.allocate(BUFFER, 8);
  private final AtomicBoolean closed = new AtomicBoolean();
  private int sequence;

  private NetlinkSocket(int fd) {
    this.fd = fd;
  }

  static NetlinkSocket open(int protocol) {
    return new NetlinkSocket(NetworkCalls.netlinkSocket(protocol, KERNEL_BUFFER, TIMEOUT_SECONDS));
  }

  /**
   * Sends and waits: for the acknowledgement, or for all parts of a dump, which are returned
   * without their headers' meaning: each buffer begins at the message's header.
   *
   * @param what names the wish in an error
   */
  synchronized List<ByteBuffer> request(String what, NetlinkMessage message) {
    int mine = ++sequence;
    try (Arena once = Arena.ofConfined()) {
      byte[] bytes = message.finish(mine);
      MemorySegment segment = once.allocate(bytes.length, 8);
      MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, 0, bytes.length);
      NetworkCalls.send(fd, segment);
    }
    List<ByteBuffer> parts = new ArrayList<>();
    while (!receive(what, mine, parts)) {
      // The next datagram.
    }
    return parts;
  }

  /** Whether the answer is whole. */
  private boolean receive(String what, int mine, List<ByteBuffer> parts) {
    long size = NetworkCalls.receive(fd, buffer);
    if (size < 0) {
      throw new PodflareException(
          ErrorCode.TIMED_OUT,
          what + ": the kernel did not answer within " + TIMEOUT_SECONDS + " s");
    }
    ByteBuffer datagram = copy(size);
    int at = 0;
    while (at + NetlinkMessage.HEADER <= datagram.limit()) {
      int length = datagram.getInt(at);
      if (length < NetlinkMessage.HEADER || at + length > datagram.limit()) {
        break;
      }
      ByteBuffer part = datagram.slice(at, length).order(ByteOrder.nativeOrder());
      at += (length + 3) & ~3;
      if (part.getInt(8) != mine) {
        continue; // an answer to a request that failed before it was read to the end
      }
      int type = Short.toUnsignedInt(part.getShort(4));
      if (type == DONE || type == ERROR) {
        check(what, type == DONE && length < 20 ? 0 : part.getInt(16));
        return true;
      }
      parts.add(part);
    }
    return false;
  }

  private ByteBuffer copy(long size) {
    ByteBuffer copy = ByteBuffer.allocate((int) size).order(ByteOrder.nativeOrder());
    copy.put(0, buffer.asByteBuffer(), 0, (int) size);
    return copy;
  }

  private static void check(String what, int code) {
    if (code < 0) {
      throw new PodflareException(
          ErrorCode.INTERNAL,
          what + " failed with errno " + -code,
          Map.of(Libc.ERRNO_DETAIL, -code));
    }
  }

  @Override
  public synchronized void close() {
    if (closed.compareAndSet(false, true)) {
      Libc.close(fd);
      arena.close();
    }
  }
}
