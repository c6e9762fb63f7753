package dev.podflare.linux;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Reads what the packet filter logs to an NFLOG group of one network namespace. {@link #next} is
 * for one thread; {@link #close} may come from another and ends it.
 */
public final class PacketLog implements AutoCloseable {
  private static final int SUBSYSTEM = 4 << 8;
  private static final int PACKET = SUBSYSTEM;
  private static final int CONFIG = SUBSYSTEM | 1;
  private static final int CONFIG_COMMAND = 1;
  private static final int CONFIG_MODE = 2;
  private static final int COMMAND_BIND = 1;
  private static final int COMMAND_UNBIND = 2;
  private static final int COPY_PACKET = 2;
  private static final int ATTRIBUTE_PAYLOAD = 9;
  private static final int ATTRIBUTE_PREFIX = 10;
  private static final int WAIT_SECONDS = 1;
  private static final int COPIED = 128;

  private final int fd;
  private final int group;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment buffer = arena.allocate(1 << 17, 8);
  private volatile boolean closing;
  private boolean released;

  private PacketLog(int fd, int group) {
    this.fd = fd;
    this.group = group;
  }

  /**
   * One logged packet.
   *
   * @param prefix as the rule says it
   * @param packet from its IP header on, at most 128 bytes
   */
  public record Entry(String prefix, ByteBuffer packet) {}

  /**
   * Listens to the group in the calling thread's network namespace; empty if another program has
   * the group.
   */
  public static Optional<PacketLog> open(int group) {
    int fd = NetworkCalls.netlinkSocket(NetlinkSocket.NETFILTER, 1 << 20, WAIT_SECONDS);
    PacketLog log = new PacketLog(fd, group);
    try {
      log.send(message(group).attribute(CONFIG_COMMAND, (byte) COMMAND_BIND));
      if (!log.acknowledged()) {
        log.release();
        return Optional.empty();
      }
      NetlinkMessage mode = message(group);
      // nfulnl_msg_config_mode: range in network order, mode, padding
      log.send(
          mode.attribute(
              CONFIG_MODE,
              (byte) 0,
              (byte) 0,
              (byte) 0,
              (byte) COPIED,
              (byte) COPY_PACKET,
              (byte) 0));
      if (!log.acknowledged()) {
        throw new PodflareException(
            ErrorCode.INTERNAL, "cannot set the mode of log group " + group);
      }
      return Optional.of(log);
    } catch (RuntimeException e) {
      log.release();
      throw e;
    }
  }

  private static NetlinkMessage message(int group) {
    return NetlinkMessage.of(CONFIG, NetlinkMessage.ACK).u8(0).u8(0).be16(group);
  }

  private void send(NetlinkMessage message) {
    try (Arena once = Arena.ofConfined()) {
      byte[] bytes = message.finish(1);
      MemorySegment segment = once.allocate(bytes.length, 8);
      MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, 0, bytes.length);
      NetworkCalls.send(fd, segment);
    }
  }

  private boolean acknowledged() {
    while (true) {
      long size = NetworkCalls.receive(fd, buffer);
      if (size < 20) {
        return false;
      }
      ByteBuffer answer = buffer.asByteBuffer().order(ByteOrder.nativeOrder());
      if (answer.getShort(4) == 2) {
        return answer.getInt(16) == 0;
      }
    }
  }

  /**
   * Waits a second at most and hands on what came. Packets that came while the reader was slow may
   * be lost, which the kernel's counters do not mind.
   *
   * @return false when the log was closed
   */
  public boolean next(Consumer<Entry> taker) {
    if (closing) {
      release();
      return false;
    }
    long size;
    try {
      size = NetworkCalls.receive(fd, buffer);
    } catch (PodflareException overflow) {
      return true;
    }
    for (int at = 0; at + NetlinkMessage.HEADER + 4 <= size; ) {
      ByteBuffer all = buffer.asByteBuffer().order(ByteOrder.nativeOrder());
      int length = all.getInt(at);
      if (length < NetlinkMessage.HEADER + 4 || at + length > size) {
        break;
      }
      if (all.getShort(at + 4) == PACKET) {
        byte[] copy = new byte[length];
        all.get(at, copy);
        entry(ByteBuffer.wrap(copy).order(ByteOrder.nativeOrder())).ifPresent(taker);
      }
      at += (length + 3) & ~3;
    }
    return true;
  }

  private static Optional<Entry> entry(ByteBuffer message) {
    Map<Integer, ByteBuffer> attributes = NetlinkMessage.attributes(message, 20);
    ByteBuffer payload = attributes.get(ATTRIBUTE_PAYLOAD);
    return payload == null
        ? Optional.empty()
        : Optional.of(
            new Entry(
                NetlinkMessage.text(attributes, ATTRIBUTE_PREFIX).orElse(""),
                payload.order(ByteOrder.BIG_ENDIAN)));
  }

  private synchronized void release() {
    if (!released) {
      released = true;
      Libc.close(fd);
      arena.close();
    }
  }

  /**
   * Ends the reader, within a second at most; the socket is closed on the reader's own thread. The
   * kernel's answer to the request that is sent here wakes it.
   */
  @Override
  public synchronized void close() {
    closing = true;
    if (!released) {
      send(message(group).attribute(CONFIG_COMMAND, (byte) COMMAND_UNBIND));
    }
  }
}
