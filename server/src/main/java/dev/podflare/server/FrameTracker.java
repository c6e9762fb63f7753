package dev.podflare.server;

import java.nio.ByteBuffer;

/**
 * Follows the frames of a WebSocket (RFC 6455, 5.2) without touching them: so that a frame of our
 * own is put between two of others and never into one. One thread at a time.
 */
final class FrameTracker {
  private static final int LONGEST_HEAD = 14;
  private static final int CLOSE = 8;

  private final byte[] head = new byte[LONGEST_HEAD];
  private int have;
  private int wanted = 2;
  private long payload;
  private boolean closed;

  /** These bytes go by. */
  void pass(ByteBuffer bytes) {
    while (bytes.hasRemaining()) {
      if (payload > 0) {
        int part = (int) Math.min(payload, bytes.remaining());
        bytes.position(bytes.position() + part);
        payload -= part;
      } else {
        takeHead(bytes.get());
      }
    }
  }

  private void takeHead(byte next) {
    head[have++] = next;
    if (have == 2) {
      int length = head[1] & 0x7f;
      int extended = length == 127 ? 8 : length == 126 ? 2 : 0;
      wanted = 2 + extended + ((head[1] & 0x80) != 0 ? 4 : 0);
    }
    if (have == wanted) {
      closed |= (head[0] & 0x0f) == CLOSE;
      payload = length();
      have = 0;
      wanted = 2;
    }
  }

  private long length() {
    int length = head[1] & 0x7f;
    ByteBuffer numbers = ByteBuffer.wrap(head);
    return switch (length) {
      case 126 -> numbers.getShort(2) & 0xffffL;
      case 127 -> Math.max(0, numbers.getLong(2));
      default -> length;
    };
  }

  /** Whether the next byte begins a frame, and frames may still come. */
  boolean between() {
    return payload == 0 && have == 0 && !closed;
  }

  /** Whether a close frame has gone by. */
  boolean closed() {
    return closed;
  }
}
