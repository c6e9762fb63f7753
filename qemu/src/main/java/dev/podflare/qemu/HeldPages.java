package dev.podflare.qemu;

import dev.podflare.linux.PageRun;
import dev.podflare.linux.ProcessMemory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Pages outside the heap, one run behind the other. Immutable. */
final class HeldPages extends OwnPages {
  private static final long PIECE = 1 << 20;

  private final MemorySegment bytes;
  private final Arena arena;

  private HeldPages(List<PageRun> runs, Arena arena, MemorySegment bytes) {
    super(runs);
    this.bytes = bytes;
    this.arena = arena;
  }

  /** Copies pages of the mapping at {@code base} out of a stopped machine. */
  static HeldPages copy(long pid, long base, List<PageRun> runs) {
    try {
      return filled(runs, bytes -> ProcessMemory.read(pid, base, runs, bytes));
    } catch (IOException impossible) {
      throw new UncheckedIOException(impossible);
    }
  }

  /** Fills the bytes of runs, which stand one behind the other. */
  interface Filler {
    void fill(MemorySegment bytes) throws IOException;
  }

  /** Pages that are kept elsewhere, as they are now. */
  @SuppressWarnings("MustBeClosedChecker") // closed by close()
  static HeldPages filled(List<PageRun> runs, Filler filler) throws IOException {
    long total = runs.stream().mapToLong(PageRun::length).sum();
    Arena arena = Arena.ofShared();
    try {
      MemorySegment bytes = total == 0 ? MemorySegment.NULL : arena.allocate(total, 4096);
      filler.fill(bytes);
      return new HeldPages(runs, arena, bytes);
    } catch (IOException | RuntimeException e) {
      arena.close();
      throw e;
    }
  }

  @Override
  public void read(Sink sink) throws IOException {
    long at = 0;
    for (PageRun run : runs()) {
      for (long done = 0; done < run.length(); done += PIECE) {
        long length = Math.min(PIECE, run.length() - done);
        MemorySegment piece = bytes.asSlice(at + done, length).asReadOnly();
        sink.accept(run.offset() + done, piece.asByteBuffer());
      }
      at += run.length();
    }
  }

  @Override
  void writeTo(long pid, long base) {
    ProcessMemory.write(pid, base, runs(), bytes);
  }

  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
