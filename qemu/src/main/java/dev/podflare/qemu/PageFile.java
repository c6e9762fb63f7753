package dev.podflare.qemu;

import dev.podflare.linux.PageRun;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * Pages and their places in a file of the host's own: {@code u32} number of runs, then offset and
 * length of each as {@code u64}, big-endian, then their bytes one behind the other. A file that has
 * its name is whole. Stateless.
 */
final class PageFile {
  private static final int RUN_BYTES = 2 * Long.BYTES;

  private PageFile() {}

  /** {@code bytes} of all runs; may be empty for a bare list of places. */
  static void write(Path file, List<PageRun> runs, List<MemorySegment> bytes) throws IOException {
    Path draft = file.resolveSibling(file.getFileName() + "~");
    ByteBuffer head = ByteBuffer.allocate(Integer.BYTES + runs.size() * RUN_BYTES);
    head.putInt(runs.size());
    for (PageRun run : runs) {
      head.putLong(run.offset()).putLong(run.length());
    }
    head.flip();
    try (FileChannel out =
        FileChannel.open(
            draft,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      writeAll(out, head);
      for (MemorySegment part : bytes) {
        writeAll(out, part.asByteBuffer());
      }
    }
    Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
  }

  private static void writeAll(FileChannel out, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      out.write(bytes);
    }
  }

  /** Takes one run and its bytes. */
  interface Visitor {
    void page(PageRun run, ByteBuffer bytes) throws IOException;
  }

  static List<PageRun> runs(Path file) throws IOException {
    try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
      return runs(in);
    }
  }

  private static List<PageRun> runs(FileChannel in) throws IOException {
    int count = read(in, Integer.BYTES).getInt();
    if (count < 0 || (long) count * RUN_BYTES > in.size()) {
      throw new IOException("not a list of pages");
    }
    ByteBuffer list = read(in, count * RUN_BYTES);
    List<PageRun> runs = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      runs.add(new PageRun(list.getLong(), list.getLong()));
    }
    return runs;
  }

  /** Every run with its bytes, in the order in which they were written. */
  static void visit(Path file, Visitor visitor) throws IOException {
    try (FileChannel in = FileChannel.open(file, StandardOpenOption.READ)) {
      for (PageRun run : runs(in)) {
        visitor.page(run, read(in, Math.toIntExact(run.length())));
      }
    }
  }

  private static ByteBuffer read(FileChannel in, int bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(bytes);
    while (buffer.hasRemaining()) {
      if (in.read(buffer) < 0) {
        throw new EOFException("a list of pages ends early");
      }
    }
    return buffer.flip();
  }
}
