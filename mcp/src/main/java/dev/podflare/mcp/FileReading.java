package dev.podflare.mcp;

import dev.podflare.client.SandboxFiles;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;

/** One file, and no more of it than an answer can have. One thread. */
final class FileReading {
  /** Of an image, as bytes; base64 makes a third more of them. */
  private static final int LARGEST_IMAGE = 480 << 10;

  private final SandboxFiles files;
  private final String path;
  private final long size;

  /** Asks for its size. */
  FileReading(SandboxFiles files, String path) {
    this.files = files;
    this.path = path;
    this.size = files.stat(path).size();
  }

  long size() {
    return size;
  }

  /** The whole of it as an image, if it is one, by its name, that has room in an answer. */
  Optional<Map<String, Object>> image() {
    Optional<String> mime = Mimes.ofName(path).filter(Mimes.IMAGES::contains);
    if (mime.isEmpty() || size == 0 || size > LARGEST_IMAGE) {
      return Optional.empty();
    }
    String base64 = Base64.getEncoder().encodeToString(bytes(0, size));
    return Optional.of(Content.media("image", base64, mime.get()));
  }

  /** A part as a text, of a long one head and tail; empty if it is none. */
  Optional<String> text(long offset, long length) {
    long wanted = Math.min(length, Math.max(0, size - offset));
    if (wanted <= Clip.SHOWN) {
      return cutText(offset, wanted);
    }
    int half = Clip.SHOWN / 2;
    Optional<String> head = cutText(offset, half);
    Optional<String> tail = cutText(offset + wanted - half, half);
    if (head.isEmpty() || tail.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        head.get()
            + "\n[… "
            + (wanted - 2L * half)
            + " bytes left out here; ask for a part by offset and"
            + " length …]\n"
            + tail.get());
  }

  /** A part that may begin and end within a character, which is then left out. */
  private Optional<String> cutText(long offset, long count) {
    byte[] bytes = bytes(offset, count);
    int from = 0;
    while (offset > 0 && from < Math.min(3, bytes.length) && isContinued(bytes[from])) {
      from++;
    }
    int to = offset + count < size ? lastBegun(bytes, from) : bytes.length;
    return Mimes.text(Arrays.copyOfRange(bytes, from, to));
  }

  /** Where the last character begins if it is cut through, else the end. */
  private static int lastBegun(byte[] bytes, int from) {
    for (int at = bytes.length - 1; at >= Math.max(from, bytes.length - 3); at--) {
      int first = bytes[at] & 0xFF;
      if (first >= 0xC2 && first <= 0xF4) {
        int length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
        return at + length > bytes.length ? at : bytes.length;
      }
      if (!isContinued(bytes[at])) {
        return bytes.length;
      }
    }
    return bytes.length;
  }

  private static boolean isContinued(byte each) {
    return (each & 0xC0) == 0x80;
  }

  private byte[] bytes(long offset, long count) {
    if (count <= 0) {
      return new byte[0];
    }
    try (InputStream in = files.read(path, offset, count)) {
      return in.readNBytes((int) count);
    } catch (IOException broken) {
      throw new ToolFailure("unreachable", "reading broke off: " + broken.getMessage(), Map.of());
    }
  }
}
