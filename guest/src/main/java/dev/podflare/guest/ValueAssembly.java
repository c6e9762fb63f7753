package dev.podflare.guest;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Puts a displayed value together from its pieces: each begins with the value's length and its own
 * place in it, both u32. What does not fit is dropped: a host that joins in the middle of a value
 * has missed its beginning, and a guest may send anything. One thread.
 */
final class ValueAssembly {
  /** Bytes of a piece before its data. */
  static final int HEADER = 8;

  private static final int MAX_VALUE = 8 << 20;

  private @Nullable ByteArrayOutputStream bytes;
  private long total;

  /** The value's bytes, with its last piece. */
  Optional<byte[]> add(byte[] piece) {
    if (piece.length <= HEADER) {
      return drop();
    }
    ByteBuffer header = ByteBuffer.wrap(piece);
    long length = Integer.toUnsignedLong(header.getInt());
    long place = Integer.toUnsignedLong(header.getInt());
    if (place == 0) {
      total = length;
      bytes = new ByteArrayOutputStream();
    }
    ByteArrayOutputStream target = bytes;
    boolean fits =
        target != null
            && length == total
            && length <= MAX_VALUE
            && place == target.size()
            && place + piece.length - HEADER <= total;
    if (target == null || !fits) {
      return drop();
    }
    target.write(piece, HEADER, piece.length - HEADER);
    if (target.size() < total) {
      return Optional.empty();
    }
    bytes = null;
    return Optional.of(target.toByteArray());
  }

  /** Bytes of a value that is not whole yet. */
  int held() {
    ByteArrayOutputStream target = bytes;
    return target == null ? 0 : target.size();
  }

  /** Forgets what there is of a value. */
  Optional<byte[]> drop() {
    bytes = null;
    return Optional.empty();
  }
}
