package dev.podflare.qemu;

import dev.podflare.linux.PageRun;
import dev.podflare.linux.ProcessMemory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Pages of a machine that stands still for as long as they are used: each is copied when it is
 * wanted, so that no second copy of all of them is ever there.
 */
final class StandingPages extends OwnPages {
  private static final long PIECE = 1 << 20;

  private final long pid;
  private final long base;

  /** Of the mapping at {@code base}. */
  StandingPages(long pid, long base, List<PageRun> runs) {
    super(runs);
    this.pid = pid;
    this.base = base;
  }

  @Override
  public void read(Sink sink) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment room = arena.allocate(PIECE, 4096);
      List<PageRun> some = new ArrayList<>();
      long filled = 0;
      for (PageRun run : runs()) {
        for (long at = run.offset(); at < run.end(); ) {
          long length = Math.min(run.end() - at, PIECE - filled);
          some.add(new PageRun(at, length));
          filled += length;
          at += length;
          if (filled == PIECE) {
            give(some, room, sink);
            some.clear();
            filled = 0;
          }
        }
      }
      give(some, room, sink);
    }
  }

  private void give(List<PageRun> some, MemorySegment room, Sink sink) throws IOException {
    if (some.isEmpty()) {
      return;
    }
    long length = some.stream().mapToLong(PageRun::length).sum();
    ProcessMemory.read(pid, base, some, room.asSlice(0, length));
    long at = 0;
    for (PageRun run : some) {
      sink.accept(run.offset(), room.asSlice(at, run.length()).asReadOnly().asByteBuffer());
      at += run.length();
    }
  }

  @Override
  void writeTo(long target, long targetBase) throws IOException {
    PageWriter.write(this::read, target, targetBase);
  }

  @Override
  public void close() {
    // Nothing is held.
  }
}
