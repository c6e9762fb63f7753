package dev.podflare.store.checkpoint;

import java.io.ByteArrayOutputStream;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Numbers of 7 bits a byte, texts and bytes, one after the other: see {@link ManifestCodec}. */
final class Numbers {
  private Numbers() {}

  /** One thread. */
  static final class Writer {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    /** {@code value}: not negative. */
    Writer number(long value) {
      if (value < 0) {
        throw new IllegalArgumentException("negative: " + value);
      }
      long rest = value;
      while (rest >= 0x80) {
        out.write((int) ((rest & 0x7f) | 0x80));
        rest >>>= 7;
      }
      out.write((int) rest);
      return this;
    }

    Writer bytes(byte[] bytes) {
      out.writeBytes(bytes);
      return this;
    }

    Writer text(String text) {
      byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
      return number(utf8.length).bytes(utf8);
    }

    byte[] toByteArray() {
      return out.toByteArray();
    }
  }

  /** Trusts no number that it reads. One thread. */
  static final class Reader {
    private final ByteBuffer in;

    Reader(ByteBuffer in) {
      this.in = in;
    }

    /** From 0 to the largest long. */
    long number() throws DamagedException {
      long value = 0;
      for (int shift = 0; shift < 63; shift += 7) {
        byte next = bytes(1)[0];
        value |= (long) (next & 0x7f) << shift;
        if (next >= 0) {
          return value;
        }
      }
      throw new DamagedException("a number of it is too large");
    }

    /** A number of things of at least one byte each. */
    int count(int limit) throws DamagedException {
      long count = number();
      if (count > limit || count > in.remaining()) {
        throw new DamagedException("a number of it is too large: " + count);
      }
      return (int) count;
    }

    long sum(long one, long other) throws DamagedException {
      if (one + other < 0) {
        throw new DamagedException("an offset of it is too large");
      }
      return one + other;
    }

    long product(long one, long other) throws DamagedException {
      try {
        return Math.multiplyExact(one, other);
      } catch (ArithmeticException e) {
        throw new DamagedException("an offset of it is too large", e);
      }
    }

    byte[] bytes(int length) throws DamagedException {
      try {
        byte[] bytes = new byte[length];
        in.get(bytes);
        return bytes;
      } catch (BufferUnderflowException e) {
        throw new DamagedException("it ends too early", e);
      }
    }

    String text(int limit) throws DamagedException {
      return new String(bytes(count(limit)), StandardCharsets.UTF_8);
    }

    void end() throws DamagedException {
      if (in.hasRemaining()) {
        throw new DamagedException("it has " + in.remaining() + " bytes too many");
      }
    }
  }
}
