package dev.podflare.image;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * Writes an archive in the form that the kernel unpacks at boot (cpio "newc"). The same entries
 * give the same bytes: no times, no owners. One thread.
 */
final class Cpio {
  private static final int FOLDER = 0040000;
  private static final int FILE = 0100000;
  private static final int BLOCK = 512;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private int inode = 1;

  Cpio folder(String name) {
    entry(name, FOLDER | 0755, new byte[0]);
    return this;
  }

  Cpio file(String name, int mode, byte[] content) {
    entry(name, FILE | mode, content);
    return this;
  }

  /** Ends the archive. */
  byte[] finish() {
    entry("TRAILER!!!", 0, new byte[0]);
    pad(BLOCK);
    return out.toByteArray();
  }

  private void entry(String name, int mode, byte[] content) {
    byte[] nameBytes = (name + "\0").getBytes(StandardCharsets.US_ASCII);
    int links = (mode & FOLDER) != 0 ? 2 : 1;
    int[] fields = {inode++, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, nameBytes.length, 0};
    StringBuilder header = new StringBuilder("070701");
    for (int field : fields) {
      header.append(String.format(Locale.ROOT, "%08X", field));
    }
    out.writeBytes(header.toString().getBytes(StandardCharsets.US_ASCII));
    out.writeBytes(nameBytes);
    pad(4);
    out.writeBytes(content);
    pad(4);
  }

  private void pad(int to) {
    while (out.size() % to != 0) {
      out.write(0);
    }
  }
}
