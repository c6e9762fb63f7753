package dev.podflare.volume;

import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Arrays;

/**
 * One connection of a guest: a call is read, done and answered, then the next. So a guest holds no
 * more than one call of each connection in the daemon's memory, and a flood waits in its own. One
 * thread runs it; others may {@link #cut} it.
 */
final class RpcConnection {
  private static final int LAST = 0x8000_0000;
  private static final int MOST_PIECES = 64;
  private static final int FIRST_PIECE = 4 << 10;

  private final SocketChannel channel;
  private final InetAddress from;
  private final RpcCalls calls;
  private final int largest;
  private volatile long since = System.nanoTime();
  private volatile boolean waiting = true;

  RpcConnection(SocketChannel channel, InetAddress from, RpcCalls calls, int largest) {
    this.channel = channel;
    this.from = from;
    this.calls = calls;
    this.largest = largest;
  }

  InetAddress from() {
    return from;
  }

  /** Until the guest ends it, breaks the protocol, or it is cut. */
  void run() throws IOException {
    ByteBuffer head = ByteBuffer.allocate(4);
    while (true) {
      state(true);
      byte[] record = record(head);
      byte[] answer = calls.answer(from, ByteBuffer.wrap(record));
      ByteBuffer[] out = {
        ByteBuffer.allocate(4).putInt(LAST | answer.length).flip(), ByteBuffer.wrap(answer)
      };
      state(false);
      while (out[1].hasRemaining()) {
        long ignored = channel.write(out);
      }
    }
  }

  private void state(boolean waitsForCall) {
    since = System.nanoTime();
    waiting = waitsForCall;
  }

  /** A call may come in pieces. */
  private byte[] record(ByteBuffer head) throws IOException {
    byte[] record = new byte[0];
    for (int pieces = 0; pieces < MOST_PIECES; pieces++) {
      fill(head.clear());
      state(false);
      int word = head.getInt(0);
      int length = word & ~LAST;
      if (length > largest - record.length) {
        throw new BadCallException("a call of more than " + largest + " bytes");
      }
      record = readMore(record, length);
      if ((word & LAST) != 0) {
        return record;
      }
    }
    throw new BadCallException("a call in more than " + MOST_PIECES + " pieces");
  }

  /** Memory is taken as bytes come, not as they are announced. */
  private byte[] readMore(byte[] record, int more) throws IOException {
    byte[] grown = record;
    int end = record.length + more;
    int have = record.length;
    while (have < end) {
      int to = Math.min(end, Math.max(FIRST_PIECE, 2 * have));
      grown = Arrays.copyOf(grown, to);
      fill(ByteBuffer.wrap(grown, have, to - have));
      have = to;
    }
    return grown;
  }

  private void fill(ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining()) {
      if (channel.read(buffer) < 0) {
        throw new EOFException();
      }
    }
  }

  /** Cuts it if the guest has been silent for too long. */
  void look(Duration stuck, Duration idle) {
    long nanos = System.nanoTime() - since;
    if (nanos > (waiting ? idle : stuck).toNanos()) {
      cut();
    }
  }

  void cut() {
    try {
      channel.close();
    } catch (IOException e) {
      return; // nothing is left to be done about it
    }
  }
}
