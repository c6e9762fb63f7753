package dev.podflare.store.checkpoint;

import dev.podflare.common.NativeLibrary;
import io.airlift.compress.v3.MalformedInputException;
import io.airlift.compress.v3.zstd.ZstdCompressor;
import io.airlift.compress.v3.zstd.ZstdDecompressor;
import java.util.Arrays;
import java.util.Optional;

/**
 * Zstandard, by the native library that aircompressor brings where it can be loaded (five times as
 * fast as its Java code, and quick from the first call), else in Java. Thread-safe.
 *
 * <p>To make a compressor costs a quarter of what it takes to compress a chunk, so each of the
 * store's few threads keeps one; they end with it.
 */
final class Compression {
  private static final int LEVEL = 1; // memory pages shrink little more with higher ones

  /** Room for a chunk; manifests may be larger, and are seldom. */
  private static final int KEPT = 2 * Window.MAX_DATA;

  private static final ThreadLocal<Compression> MINE = ThreadLocal.withInitial(Compression::new);

  static {
    NativeLibrary.load("aircompressor.tmpdir", Compression::new);
  }

  private final ZstdCompressor compressor = ZstdCompressor.create(LEVEL);
  private final ZstdDecompressor decompressor = ZstdDecompressor.create();
  private byte[] scratch = new byte[0];

  private Compression() {}

  /** Empty when it would not get smaller. */
  static Optional<byte[]> compress(byte[] plain) {
    return MINE.get().shrink(plain);
  }

  private Optional<byte[]> shrink(byte[] plain) {
    int most = compressor.maxCompressedLength(plain.length);
    byte[] out = most <= scratch.length ? scratch : new byte[most];
    if (most <= KEPT) {
      scratch = out;
    }
    int length = compressor.compress(plain, 0, plain.length, out, 0, out.length);
    return length < plain.length ? Optional.of(Arrays.copyOf(out, length)) : Optional.empty();
  }

  /** {@code length}: of the plain bytes; what gives more or fewer is damaged. */
  static byte[] decompress(byte[] compressed, int length) throws DamagedException {
    byte[] plain = new byte[length];
    try {
      int got =
          MINE.get().decompressor.decompress(compressed, 0, compressed.length, plain, 0, length);
      if (got != length) {
        throw new DamagedException("it unpacks to " + got + " bytes instead of " + length);
      }
      return plain;
    } catch (MalformedInputException | IllegalArgumentException | IndexOutOfBoundsException e) {
      throw new DamagedException("it does not unpack", e);
    }
  }
}
