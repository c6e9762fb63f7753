package dev.podflare.network;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Bytes that hold values of secrets for a moment; closing wipes them. One thread. */
final class SecretBytes extends ByteArrayOutputStream implements AutoCloseable {
  /** Most that a head with its secrets may take. It is had at once: growing would leave copies. */
  static final int MOST = 64 << 10;

  SecretBytes() {
    super(MOST);
  }

  void text(String text) {
    writeBytes(text.getBytes(StandardCharsets.ISO_8859_1));
  }

  /** Whether there is still room for so many. */
  boolean takes(int bytes) {
    return MOST - size() >= bytes;
  }

  @Override
  public void close() {
    Arrays.fill(buf, (byte) 0);
    buf = new byte[0]; // connections last longer than their heads
    reset();
  }
}
