package dev.podflare.qemu;

import dev.podflare.linux.PageMap;
import dev.podflare.linux.PageRun;
import dev.podflare.linux.ProcessMemory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.util.List;

/**
 * The pages of a machine that differ from its memory image, held outside the heap. Immutable;
 * {@link #close} frees them, must come after the last use, and may be repeated.
 */
public final class OwnPages implements AutoCloseable {
  private static final long MAX_WRITE = 1 << 30; // what one ByteBuffer can show

  private final List<PageRun> runs;
  private final MemorySegment bytes;
  private final Arena arena;

  private OwnPages(List<PageRun> runs, MemorySegment bytes, Arena arena) {
    this.runs = runs;
    this.bytes = bytes;
    this.arena = arena;
  }

  /** No page differs: the state of a template's own checkpoint. */
  @SuppressWarnings("MustBeClosedChecker") // closed by close()
  public static OwnPages none() {
    return new OwnPages(List.of(), MemorySegment.NULL, Arena.ofShared());
  }

  /** Fills the bytes of runs, which stand one behind the other. */
  public interface Filler {
    void fill(MemorySegment bytes) throws IOException;
  }

  /**
   * Pages that were kept elsewhere.
   *
   * @param runs places in guest memory, in order
   */
  @SuppressWarnings("MustBeClosedChecker") // closed by close()
  public static OwnPages of(List<PageRun> runs, Filler filler) throws IOException {
    long total = runs.stream().mapToLong(PageRun::length).sum();
    Arena arena = Arena.ofShared();
    try {
      MemorySegment bytes = total == 0 ? MemorySegment.NULL : arena.allocate(total, 4096);
      filler.fill(bytes);
      return new OwnPages(List.copyOf(runs), bytes, arena);
    } catch (IOException | RuntimeException e) {
      arena.close();
      throw e;
    }
  }

  /**
   * Copies pages of the mapping at {@code base} out of a stopped machine: those that differ from
   * its image, and some others.
   */
  static OwnPages read(long pid, long base, long length, List<PageRun> others) {
    List<PageRun> own = PageMap.ownPages(pid, base, length);
    List<PageRun> runs = others.isEmpty() ? own : PageRun.union(own, others);
    try {
      return of(runs, bytes -> ProcessMemory.read(pid, base, runs, bytes));
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
  }

  /** The bytes of all runs, one behind the other. */
  public MemorySegment bytes() {
    return bytes.asReadOnly();
  }

  /** Writes them to the same places of another machine that maps the same image. */
  void writeTo(long pid, long base) {
    ProcessMemory.write(pid, base, runs, bytes);
  }

  /** Writes them to their places in a file of guest memory. */
  void writeTo(FileChannel memory) throws IOException {
    long done = 0;
    for (PageRun run : runs) {
      long position = run.offset();
      while (position < run.end()) {
        long part = Math.min(run.end() - position, MAX_WRITE);
        int written = memory.write(bytes.asSlice(done, part).asByteBuffer(), position);
        position += written;
        done += written;
      }
    }
  }

  /** Bytes held. */
  public long size() {
    return bytes.byteSize();
  }

  public List<PageRun> runs() {
    return runs;
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
