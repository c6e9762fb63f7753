package dev.podflare.volume;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;

/**
 * Reads XDR (RFC 4506) that a guest has sent: never past the end, and never more of a variable part
 * than is allowed. One thread.
 */
final class XdrReader {
  private final ByteBuffer bytes;

  XdrReader(ByteBuffer bytes) {
    this.bytes = bytes;
  }

  int number() throws BadCallException {
    try {
      return bytes.getInt();
    } catch (BufferUnderflowException e) {
      throw new BadCallException("the call is too short");
    }
  }

  /** An unsigned number of 32 bits. */
  long unsigned() throws BadCallException {
    return Integer.toUnsignedLong(number());
  }

  /** 64 bits; what does not fit a positive number is refused. */
  long size() throws BadCallException {
    long value = raw();
    if (value < 0) {
      throw new BadCallException("a size beyond 2^63");
    }
    return value;
  }

  /** 64 bits as they are. */
  long raw() throws BadCallException {
    try {
      return bytes.getLong();
    } catch (BufferUnderflowException e) {
      throw new BadCallException("the call is too short");
    }
  }

  boolean flag() throws BadCallException {
    int value = number();
    if (value < 0 || value > 1) {
      throw new BadCallException("no truth value: " + value);
    }
    return value == 1;
  }

  /** Bytes with their length before them. */
  byte[] opaque(int most) throws BadCallException {
    ByteBuffer part = slice(most);
    byte[] copy = new byte[part.remaining()];
    part.get(copy);
    return copy;
  }

  /** The same without a copy: valid as long as what this reads from. */
  ByteBuffer slice(int most) throws BadCallException {
    int length = number();
    if (length < 0 || length > most) {
      throw new BadCallException("a part of " + Integer.toUnsignedString(length) + " bytes");
    }
    int padded = (length + 3) & ~3;
    if (padded > bytes.remaining()) {
      throw new BadCallException("the call is too short");
    }
    ByteBuffer part = bytes.slice(bytes.position(), length);
    bytes.position(bytes.position() + padded);
    return part;
  }

  /** All that is left, for a digest; the place to read from stays. */
  ByteBuffer rest() {
    return bytes.slice();
  }
}
