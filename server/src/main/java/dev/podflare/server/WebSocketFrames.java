package dev.podflare.server;

/** The few frames that a relay makes itself (RFC 6455, 5.5). Stateless. */
final class WebSocketFrames {
  private static final int FINAL = 0x80;
  private static final int CLOSE = 8;
  private static final int PING = 9;
  private static final int MASKED = 0x80;

  private WebSocketFrames() {}

  /**
   * An empty ping.
   *
   * @param masked as frames to a server must be; a key of zeros leaves the bytes as they are
   */
  static byte[] ping(boolean masked) {
    return masked
        ? new byte[] {(byte) (FINAL | PING), (byte) MASKED, 0, 0, 0, 0}
        : new byte[] {(byte) (FINAL | PING), 0};
  }

  static byte[] close(int code, boolean masked) {
    byte high = (byte) (code >> 8);
    byte low = (byte) code;
    return masked
        ? new byte[] {(byte) (FINAL | CLOSE), (byte) (MASKED | 2), 0, 0, 0, 0, high, low}
        : new byte[] {(byte) (FINAL | CLOSE), 2, high, low};
  }
}
