package dev.podflare.linux;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** Copies of files that are mostly holes. Stateless. */
public final class SparseFile {
  private static final int SEEK_DATA = 3;
  private static final int SEEK_HOLE = 4;
  private static final int PAGE = 4096;
  private static final int BLOCK = 1 << 20;

  private SparseFile() {}

  /** The runs of a file that hold data, in order. */
  public static List<PageRun> dataRuns(Path file) {
    int fd = Libc.open(file.toString(), 0);
    try {
      List<PageRun> runs = new ArrayList<>();
      long position = 0;
      while (true) {
        long start = Libc.lseek(fd, position, SEEK_DATA);
        if (start < 0) {
          return runs;
        }
        position = Libc.lseek(fd, start, SEEK_HOLE);
        runs.add(new PageRun(start, position - start));
      }
    } finally {
      Libc.close(fd);
    }
  }

  /** Copies the data of {@code source} to the same places of {@code target}, in the kernel. */
  public static void copyData(Path source, FileChannel target) throws IOException {
    try (FileChannel from = FileChannel.open(source, StandardOpenOption.READ)) {
      for (PageRun run : dataRuns(source)) {
        copyRun(from, run, target);
      }
    }
  }

  private static void copyRun(FileChannel from, PageRun run, FileChannel target)
      throws IOException {
    target.position(run.offset());
    long position = run.offset();
    while (position < run.end()) {
      long moved = from.transferTo(position, run.end() - position, target);
      if (moved <= 0) {
        throw new PodflareException(ErrorCode.INTERNAL, "file ended at " + position);
      }
      position += moved;
    }
  }

  /**
   * Copies {@code source} to {@code target} and leaves out pages of zeros, so that the copy is as
   * sparse as it can be. Returns the bytes written.
   */
  public static long copyWithoutZeros(Path source, FileChannel target) throws IOException {
    ByteBuffer block = ByteBuffer.allocateDirect(BLOCK);
    long written = 0;
    try (FileChannel from = FileChannel.open(source, StandardOpenOption.READ)) {
      for (PageRun run : dataRuns(source)) {
        for (long at = run.offset(); at < run.end(); at += BLOCK) {
          block.clear().limit((int) Math.min(BLOCK, run.end() - at));
          readFully(from, block, at);
          written += writeNonZero(block.flip(), target, at);
        }
      }
    }
    return written;
  }

  private static void readFully(FileChannel from, ByteBuffer block, long at) throws IOException {
    while (block.hasRemaining()) {
      if (from.read(block, at + block.position()) < 0) {
        throw new PodflareException(ErrorCode.INTERNAL, "file ended at " + at);
      }
    }
  }

  private static long writeNonZero(ByteBuffer block, FileChannel target, long at)
      throws IOException {
    int end = block.limit();
    long written = 0;
    int start = 0;
    while (start < end) {
      if (isZero(block, start, Math.min(start + PAGE, end))) {
        start += PAGE;
        continue;
      }
      int stop = start;
      while (stop < end && !isZero(block, stop, Math.min(stop + PAGE, end))) {
        stop += PAGE;
      }
      stop = Math.min(stop, end);
      ByteBuffer part = block.slice(start, stop - start);
      while (part.hasRemaining()) {
        target.write(part, at + start + part.position());
      }
      written += stop - start;
      start = stop;
    }
    return written;
  }

  private static boolean isZero(ByteBuffer block, int from, int to) {
    int at = from;
    for (; at + Long.BYTES <= to; at += Long.BYTES) {
      if (block.getLong(at) != 0) {
        return false;
      }
    }
    for (; at < to; at++) {
      if (block.get(at) != 0) {
        return false;
      }
    }
    return true;
  }
}
