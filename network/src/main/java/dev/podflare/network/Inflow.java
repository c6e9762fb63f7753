package dev.podflare.network;

import java.io.EOFException;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** What has been read from a channel and not yet passed on. One thread. */
final class Inflow {
  private final GateChannel channel;
  private final Optional<Socket> socket;
  private final ByteBuffer buffer;

  Inflow(SocketChannel channel, ByteBuffer buffer) {
    this(GateChannel.of(channel), Optional.of(channel.socket()), buffer);
  }

  /** Without deadlines of its own. */
  Inflow(GateChannel channel, ByteBuffer buffer) {
    this(channel, Optional.empty(), buffer);
  }

  private Inflow(GateChannel channel, Optional<Socket> socket, ByteBuffer buffer) {
    this.channel = channel;
    this.socket = socket;
    this.buffer = buffer.clear().limit(0);
  }

  /** Bytes at hand, from position to limit. */
  ByteBuffer seen() {
    return buffer;
  }

  /** Reads more behind what is there; false at the end of the stream. */
  boolean more() throws IOException {
    buffer.compact();
    try {
      return channel.read(buffer) >= 0;
    } finally {
      buffer.flip();
    }
  }

  /** The same with a deadline; throws SocketTimeoutException. */
  boolean more(TimeLeft left) throws IOException {
    byte[] bytes = new byte[Math.min(4096, buffer.capacity() - buffer.remaining())];
    int count = new TimedInput(socket.orElseThrow(), left).read(bytes, 0, bytes.length);
    if (count > 0) {
      buffer.compact().put(bytes, 0, count).flip();
    }
    return count >= 0;
  }

  boolean isFull() {
    return buffer.remaining() >= GateConfig.LARGEST_HEAD;
  }

  /**
   * Takes text up to and with its end mark.
   *
   * @return empty at the end of the stream, or if the mark is not within the largest head
   */
  Optional<String> take(String mark) throws IOException {
    int from = 0;
    while (true) {
      int end = find(mark, from);
      if (end >= 0) {
        byte[] text = new byte[end];
        buffer.get(text);
        return Optional.of(new String(text, StandardCharsets.ISO_8859_1));
      }
      from = Math.max(0, buffer.remaining() - mark.length());
      if (isFull() || !more()) {
        return Optional.empty();
      }
    }
  }

  /** Where the mark ends, counted from the position; -1 if it is not within the largest head. */
  private int find(String mark, int from) {
    int last = Math.min(buffer.remaining(), GateConfig.LARGEST_HEAD) - mark.length();
    for (int start = from; start <= last; start++) {
      int matched = 0;
      while (matched < mark.length()
          && buffer.get(buffer.position() + start + matched) == mark.charAt(matched)) {
        matched++;
      }
      if (matched == mark.length()) {
        return start + matched;
      }
    }
    return -1;
  }

  /** Passes exactly so many bytes on. */
  void pass(long count, Outflow out) throws IOException {
    long left = count;
    while (left > 0) {
      if (!buffer.hasRemaining() && !more()) {
        throw new EOFException("the client closed within a body");
      }
      int part = Math.toIntExact(Math.min(left, buffer.remaining()));
      out.write(buffer.slice(buffer.position(), part));
      buffer.position(buffer.position() + part);
      left -= part;
    }
  }

  /** Passes everything on until the end of the stream. */
  void passAll(Outflow out) throws IOException {
    do {
      out.write(buffer);
    } while (more());
  }
}
