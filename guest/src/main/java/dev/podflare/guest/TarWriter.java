package dev.podflare.guest;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/** Makes a tar archive, in GNU's form, of what a guest packs of a folder. One thread. */
public final class TarWriter {
  private static final int BLOCK = 512;
  private static final long NANOS = 1_000_000_000L;
  private static final byte[] ZEROS = new byte[16 << 10];

  private final FileOperation source;
  private final OutputStream out;
  private byte[] piece = new byte[0];
  private int at;
  private long zeros;

  private TarWriter(FileOperation source, OutputStream out) {
    this.source = source;
    this.out = out;
  }

  /** Copies all of it; the head of the operation was read. Closes neither. */
  public static void copy(FileOperation source, OutputStream out) throws IOException {
    new TarWriter(source, out).run();
  }

  private void run() throws IOException {
    while (more()) {
      entry(TreeRecord.read(exactly(TreeRecord.HEAD), this::exactly));
    }
    out.write(ZEROS, 0, 2 * BLOCK);
  }

  private void entry(TreeRecord record) throws IOException {
    byte[] name = record.kind() == 'd' ? withSlash(record.name()) : record.name();
    longName('L', name);
    longName('K', record.target());
    out.write(header(type(record.kind()), name, record));
    long left = record.size();
    while (left > 0) {
      left -= pass(left);
    }
    int rest = (int) (record.size() % BLOCK);
    if (rest > 0) {
      out.write(ZEROS, 0, BLOCK - rest);
    }
  }

  private static char type(char kind) {
    return switch (kind) {
      case 'd' -> '5';
      case 'l' -> '2';
      default -> '0';
    };
  }

  private static byte[] withSlash(byte[] name) {
    byte[] longer = Arrays.copyOf(name, name.length + 1);
    longer[name.length] = '/';
    return longer;
  }

  private void longName(char type, byte[] name) throws IOException {
    if (name.length <= 100) {
      return;
    }
    byte[] label = "././@LongLink".getBytes(StandardCharsets.US_ASCII);
    TreeRecord head =
        new TreeRecord('f', 0644, 0, 0, 0, name.length + 1L, new byte[0], new byte[0]);
    out.write(header(type, label, head));
    out.write(name);
    out.write(ZEROS, 0, BLOCK - name.length % BLOCK);
  }

  private static byte[] header(char type, byte[] name, TreeRecord record) {
    byte[] block = new byte[BLOCK];
    text(block, 0, 100, name);
    number(block, 100, 8, record.mode());
    number(block, 108, 8, Integer.toUnsignedLong(record.user()));
    number(block, 116, 8, Integer.toUnsignedLong(record.group()));
    number(block, 124, 12, record.size());
    number(block, 136, 12, Math.floorDiv(record.modifiedNanos(), NANOS));
    block[156] = (byte) type;
    text(block, 157, 100, record.target());
    text(block, 257, 8, "ustar  ".getBytes(StandardCharsets.US_ASCII));
    Arrays.fill(block, 148, 156, (byte) ' ');
    int sum = 0;
    for (byte each : block) {
      sum += each & 0xff;
    }
    text(block, 148, 8, "%06o\0 ".formatted(sum).getBytes(StandardCharsets.US_ASCII));
    return block;
  }

  private static void text(byte[] block, int offset, int width, byte[] text) {
    System.arraycopy(text, 0, block, offset, Math.min(width, text.length));
  }

  /** Octal, or binary where that does not do. */
  private static void number(byte[] block, int offset, int width, long value) {
    if (value >= 0 && value < 1L << (3 * (width - 1))) {
      String octal = Long.toOctalString(value);
      byte[] text =
          "0".repeat(width - 1 - octal.length()).concat(octal).getBytes(StandardCharsets.US_ASCII);
      text(block, offset, width, text);
    } else {
      byte[] binary = ByteBuffer.allocate(8).putLong(value).array();
      Arrays.fill(block, offset, offset + width, value < 0 ? (byte) 0xff : 0);
      int taken = Math.min(8, width - 1);
      System.arraycopy(binary, 8 - taken, block, offset + width - taken, taken);
      block[offset] = value < 0 ? (byte) 0xff : (byte) 0x80;
    }
  }

  // The guest's stream

  private boolean more() {
    while (at == piece.length && zeros == 0) {
      Optional<FileOperation.Piece> next = source.read();
      if (next.isEmpty()) {
        return false;
      }
      piece = next.get().bytes();
      zeros = next.get().zeros();
      at = 0;
    }
    return true;
  }

  private void require() {
    if (!more()) {
      throw new PodflareException(
          ErrorCode.BAD_GUEST_ANSWER, "the guest's list of a folder ends in the middle");
    }
  }

  private byte[] exactly(int count) {
    byte[] bytes = new byte[count];
    int have = 0;
    while (have < count) {
      require();
      int step = (int) Math.min(count - have, zeros > 0 ? zeros : piece.length - at);
      if (zeros > 0) {
        zeros -= step;
      } else {
        System.arraycopy(piece, at, bytes, have, step);
        at += step;
      }
      have += step;
    }
    return bytes;
  }

  private long pass(long most) throws IOException {
    require();
    if (zeros > 0) {
      int step = (int) Math.min(Math.min(most, zeros), ZEROS.length);
      out.write(ZEROS, 0, step);
      zeros -= step;
      return step;
    }
    int step = (int) Math.min(most, piece.length - at);
    out.write(piece, at, step);
    at += step;
    return step;
  }
}
