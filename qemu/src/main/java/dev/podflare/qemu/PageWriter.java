package dev.podflare.qemu;

import dev.podflare.linux.PageRun;
import dev.podflare.linux.ProcessMemory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes pages into the memory of a process while they come, in steps of some hundred: a call of
 * the kernel for each would cost more than the bytes. One thread.
 */
final class PageWriter {
  private static final int ROOM = 1 << 20;

  private final long pid;
  private final long base;
  private final MemorySegment room;
  private final ByteBuffer buffer;
  private final List<PageRun> runs = new ArrayList<>();

  private PageWriter(long pid, long base, MemorySegment room) {
    this.pid = pid;
    this.base = base;
    this.room = room;
    this.buffer = room.asByteBuffer();
  }

  /** All that the source gives is where it belongs when this returns. */
  static void write(OwnPages.Source source, long pid, long base) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      PageWriter writer = new PageWriter(pid, base, arena.allocate(ROOM, 4096));
      source.read(writer::add);
      writer.flush();
    }
  }

  private void add(long offset, ByteBuffer bytes) {
    for (long at = offset; bytes.hasRemaining(); ) {
      int length = Math.min(bytes.remaining(), buffer.remaining());
      buffer.put(bytes.slice(bytes.position(), length));
      bytes.position(bytes.position() + length);
      runs.add(new PageRun(at, length));
      at += length;
      if (!buffer.hasRemaining()) {
        flush();
      }
    }
  }

  private void flush() {
    ProcessMemory.write(pid, base, runs, room.asSlice(0, buffer.position()));
    buffer.clear();
    runs.clear();
  }
}
