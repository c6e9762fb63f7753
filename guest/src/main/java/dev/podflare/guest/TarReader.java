package dev.podflare.guest;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Reads a tar archive that is not trusted (ustar, GNU and pax), and hands its entries to a guest to
 * unpack. What would lead out of the folder, devices and pipes are refused with {@code
 * BAD_ARCHIVE}; the entries before them have been unpacked then. Nothing is whole in memory but
 * names. One thread.
 */
public final class TarReader {
  private static final int BLOCK = 512;
  private static final int MOST_ENTRIES = 1_000_000;
  private static final long LARGEST_FILE = 1L << 44;
  private static final int LONGEST_EXTRA = 64 << 10;
  private static final long NANOS = 1_000_000_000L;

  private final InputStream in;
  private final FileOperation guest;
  private final boolean keepLinks;
  private final byte[] gathered = new byte[FileOperation.PIECE];
  private int gatheredCount;
  private final TarExtras extras = new TarExtras();

  private TarReader(InputStream in, FileOperation guest, boolean keepLinks) {
    this.in = in;
    this.guest = guest;
    this.keepLinks = keepLinks;
  }

  /**
   * Unpacks all of it; the head of the operation was read. Closes neither.
   *
   * @param keepLinks also makes symbolic links that lead out; nothing is ever written through one
   */
  public static void copy(InputStream tar, FileOperation guest, boolean keepLinks)
      throws IOException {
    new TarReader(tar, guest, keepLinks).run();
  }

  private void run() throws IOException {
    byte[] block = new byte[BLOCK];
    int entries = 0;
    int read = in.readNBytes(block, 0, BLOCK);
    for (; read == BLOCK && !isZero(block); read = in.readNBytes(block, 0, BLOCK)) {
      if (entries++ >= MOST_ENTRIES) {
        throw TarNames.bad("it has more than " + MOST_ENTRIES + " entries");
      }
      header(block);
    }
    if (read != BLOCK && (read > 0 || entries == 0)) {
      throw TarNames.bad("it is no whole tar archive");
    }
    flush();
    guest.writeEnd();
    while (in.read(gathered) >= 0) {
      // Archives are padded. Who is not read to the end would see a broken connection.
    }
  }

  private void header(byte[] block) throws IOException {
    checkSum(block);
    long size = number(block, 124, 12);
    if (size < 0 || size > LARGEST_FILE) {
      throw TarNames.bad("an entry of " + size + " bytes");
    }
    char type = (char) (block[156] & 0xff);
    switch (type) {
      case 'x' -> extras.pax(extra(size));
      case 'g' -> extras.checkGlobal(extra(size));
      case 'L' -> extras.name(extra(size));
      case 'K' -> extras.target(extra(size));
      default -> {
        entry(block, type, size);
        extras.clear();
      }
    }
  }

  private void entry(byte[] block, char type, long headerSize) throws IOException {
    byte[] raw = extras.name().orElseGet(() -> nameOf(block));
    byte[] rawTarget = extras.target().orElseGet(() -> text(block, 157, 100));
    long size = extras.size().orElse(headerSize);
    long nanos = extras.modifiedNanos().orElse(seconds(number(block, 136, 12)));
    int mode = (int) (number(block, 100, 8) & 0777);
    boolean folder = raw.length > 0 && raw[raw.length - 1] == '/';
    byte[] name = TarNames.inside(raw);
    char kind =
        switch (type) {
          case '0', '\0', '7' -> folder ? 'd' : 'f';
          case '5' -> 'd';
          case '2' -> 'l';
          case '1' -> 'h';
          case '3', '4', '6' -> throw TarNames.bad("a device or pipe: " + TarNames.shown(raw));
          default ->
              throw TarNames.bad(
                  "an entry of a type that is not supported: " + TarNames.shown(raw));
        };
    if (name.length == 0) {
      if (kind != 'd') {
        throw TarNames.bad("an entry without a name");
      }
      skip(size);
      return;
    }
    byte[] target =
        switch (kind) {
          case 'l' -> keepLinks ? TarNames.target(rawTarget) : TarNames.inside(name, rawTarget);
          case 'h' -> TarNames.hardTarget(rawTarget);
          default -> new byte[0];
        };
    long length = kind == 'f' ? size : 0;
    add(new TreeRecord(kind, mode, 0, 0, nanos, length, name, target).bytes());
    if (kind == 'f') {
      pass(size);
    } else {
      skip(size);
    }
  }

  private static long seconds(long value) {
    return Math.clamp(value, Long.MIN_VALUE / NANOS, Long.MAX_VALUE / NANOS) * NANOS;
  }

  private void pass(long size) throws IOException {
    long left = size;
    while (left > 0) {
      if (gatheredCount == gathered.length) {
        flush();
      }
      int most = (int) Math.min(left, gathered.length - gatheredCount);
      int read = in.read(gathered, gatheredCount, most);
      if (read < 0) {
        throw TarNames.bad("it ends in the middle of a file");
      }
      gatheredCount += read;
      left -= read;
    }
    padding(size);
  }

  private void skip(long size) throws IOException {
    if (size > LONGEST_EXTRA) {
      throw TarNames.bad("an entry that is no file has " + size + " bytes");
    }
    byte[] ignored = extra(size);
  }

  private byte[] extra(long size) throws IOException {
    if (size > LONGEST_EXTRA) {
      throw TarNames.bad("a name of " + size + " bytes");
    }
    byte[] bytes = in.readNBytes((int) size);
    if (bytes.length < size) {
      throw TarNames.bad("it ends in the middle of a header");
    }
    padding(size);
    return bytes;
  }

  private void padding(long size) throws IOException {
    int rest = (int) (size % BLOCK);
    if (rest > 0 && in.readNBytes(BLOCK - rest).length < BLOCK - rest) {
      throw TarNames.bad("it ends in the middle");
    }
  }

  private void add(byte[] bytes) {
    if (bytes.length > gathered.length - gatheredCount) {
      flush();
    }
    System.arraycopy(bytes, 0, gathered, gatheredCount, bytes.length);
    gatheredCount += bytes.length;
  }

  private void flush() {
    guest.write(gathered, 0, gatheredCount);
    gatheredCount = 0;
  }

  private static boolean isZero(byte[] block) {
    for (byte each : block) {
      if (each != 0) {
        return false;
      }
    }
    return true;
  }

  private static void checkSum(byte[] block) {
    int sum = 0;
    for (int i = 0; i < BLOCK; i++) {
      sum += i >= 148 && i < 156 ? ' ' : block[i] & 0xff;
    }
    if (number(block, 148, 8) != sum) {
      throw TarNames.bad("it is no tar archive (a compressed one must be unpacked first)");
    }
  }

  private static byte[] nameOf(byte[] block) {
    byte[] name = text(block, 0, 100);
    byte[] prefix = new byte[0];
    // POSIX; GNU has other things there.
    if (block[257] == 'u' && block[262] == 0) {
      prefix = text(block, 345, 155);
    }
    if (prefix.length == 0) {
      return name;
    }
    byte[] whole = Arrays.copyOf(prefix, prefix.length + 1 + name.length);
    whole[prefix.length] = '/';
    System.arraycopy(name, 0, whole, prefix.length + 1, name.length);
    return whole;
  }

  private static byte[] text(byte[] block, int offset, int width) {
    int end = offset;
    while (end < offset + width && block[end] != 0) {
      end++;
    }
    return Arrays.copyOfRange(block, offset, end);
  }

  /** Octal, or GNU's binary. -1 if it is neither. */
  private static long number(byte[] block, int offset, int width) {
    if ((block[offset] & 0x80) != 0) {
      long value = block[offset] == (byte) 0xff ? -1 : 0;
      for (int i = offset + 1; i < offset + width; i++) {
        if (i < offset + width - 8 && block[i] != (byte) value) {
          return -1;
        }
        value = value << 8 | (block[i] & 0xff);
      }
      return value;
    }
    String digits = new String(block, offset, width, StandardCharsets.ISO_8859_1);
    int end = digits.indexOf('\0');
    String text = (end < 0 ? digits : digits.substring(0, end)).strip();
    return text.isEmpty() ? 0 : text.matches("[0-7]{1,20}") ? Long.parseLong(text, 8) : -1;
  }
}
