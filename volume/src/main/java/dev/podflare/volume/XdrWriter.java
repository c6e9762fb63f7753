package dev.podflare.volume;

import java.util.Arrays;

/** Writes XDR (RFC 4506). One thread. */
final class XdrWriter {
  private byte[] bytes;
  private int length;

  XdrWriter() {
    this(256);
  }

  XdrWriter(int expected) {
    bytes = new byte[expected];
  }

  XdrWriter number(long value) {
    room(4);
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes[length++] = (byte) (value >> shift);
    }
    return this;
  }

  XdrWriter size(long value) {
    return number(value >> 32).number(value);
  }

  XdrWriter flag(boolean value) {
    return number(value ? 1 : 0);
  }

  XdrWriter opaque(byte[] part) {
    return number(part.length).fixed(part);
  }

  /** Bytes without their length, filled up to a multiple of four. */
  XdrWriter fixed(byte[] part) {
    return fixed(part, part.length);
  }

  /** The first {@code count} bytes of it. */
  XdrWriter fixed(byte[] part, int count) {
    int padded = (count + 3) & ~3;
    room(padded);
    System.arraycopy(part, 0, bytes, length, count);
    Arrays.fill(bytes, length + count, length + padded, (byte) 0);
    length += padded;
    return this;
  }

  XdrWriter append(byte[] words) {
    room(words.length);
    System.arraycopy(words, 0, bytes, length, words.length);
    length += words.length;
    return this;
  }

  int length() {
    return length;
  }

  byte[] toBytes() {
    return Arrays.copyOf(bytes, length);
  }

  private void room(int more) {
    if (length + more > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(2 * bytes.length, length + more));
    }
  }
}
