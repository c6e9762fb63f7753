package dev.podflare.store.checkpoint;

import io.airlift.compress.v3.MalformedInputException;
import io.airlift.compress.v3.zstd.ZstdCompressor;
import io.airlift.compress.v3.zstd.ZstdDecompressor;
import java.util.Arrays;
import java.util.Optional;

/**
 * Zstandard, by the native library that aircompressor brings where it can be loaded (five times as
 * fast as its Java code, and quick from the first call), else in Java. Thread-safe.
 */
final class Compression {
  private static final int LEVEL = 1; // memory pages shrink little more with higher ones

  private Compression() {}

  /** Empty when it would not get smaller. */
  static Optional<byte[]> compress(byte[] plain) {
    ZstdCompressor zstd = ZstdCompressor.create(LEVEL);
    byte[] out = new byte[zstd.maxCompressedLength(plain.length)];
    int length = zstd.compress(plain, 0, plain.length, out, 0, out.length);
    return length < plain.length ? Optional.of(Arrays.copyOf(out, length)) : Optional.empty();
  }

  /** {@code length}: of the plain bytes; what gives more or fewer is damaged. */
  static byte[] decompress(byte[] compressed, int length) throws DamagedException {
    byte[] plain = new byte[length];
    try {
      int got =
          ZstdDecompressor.create().decompress(compressed, 0, compressed.length, plain, 0, length);
      if (got != length) {
        throw new DamagedException("it unpacks to " + got + " bytes instead of " + length);
      }
      return plain;
    } catch (MalformedInputException | IllegalArgumentException | IndexOutOfBoundsException e) {
      throw new DamagedException("it does not unpack", e);
    }
  }
}
