package dev.podflare.server;

import java.io.IOException;
import java.io.OutputStream;

/**
 * Gathers small writes, and passes on what grows beyond {@link #SIZE}: a line of many megabytes is
 * never whole in it. One thread.
 */
final class LineBuffer extends OutputStream {
  static final int SIZE = 64 * 1024;

  private final OutputStream target;
  private final byte[] bytes = new byte[SIZE];
  private int count;
  private long passedOn;

  LineBuffer(OutputStream target) {
    this.target = target;
  }

  @Override
  public void write(int octet) throws IOException {
    if (count == SIZE) {
      passOn();
    }
    bytes[count++] = (byte) octet;
  }

  @Override
  public void write(byte[] source, int offset, int length) throws IOException {
    if (length > SIZE - count) {
      passOn();
    }
    if (length > SIZE) {
      target.write(source, offset, length);
      passedOn += length;
      return;
    }
    System.arraycopy(source, offset, bytes, count, length);
    count += length;
  }

  /** Bytes written since the last {@link #passOn} that a caller asked for. */
  long written() {
    return passedOn + count;
  }

  /** Hands all to the target, which may keep it until it is flushed. */
  void passOn() throws IOException {
    target.write(bytes, 0, count);
    passedOn += count;
    count = 0;
  }

  void forgetCount() {
    passedOn = 0;
  }
}
