package dev.podflare.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Moves runs of pages between this process and another one, many runs a call. Stateless. */
public final class ProcessMemory {
  private static final int RUNS_A_CALL = 1024; // IOV_MAX
  private static final long BYTES_A_CALL = 256L << 20; // the kernel moves less than 2 GiB a call

  private ProcessMemory() {}

  private enum Direction {
    READ,
    WRITE
  }

  /** Reads {@code runs} (offsets from {@code base}) one behind the other into {@code buffer}. */
  public static void read(long pid, long base, List<PageRun> runs, MemorySegment buffer) {
    move(Direction.READ, pid, base, runs, buffer);
  }

  /** Writes {@code buffer} to the places of {@code runs}, which it holds one behind the other. */
  public static void write(long pid, long base, List<PageRun> runs, MemorySegment buffer) {
    move(Direction.WRITE, pid, base, runs, buffer);
  }

  private static void move(
      Direction direction, long pid, long base, List<PageRun> runs, MemorySegment buffer) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment local = arena.allocate(JAVA_LONG, 2);
      MemorySegment remote = arena.allocate(JAVA_LONG, 2L * RUNS_A_CALL);
      long done = 0;
      int next = 0;
      long inside = 0; // bytes of runs[next] that are moved already
      while (next < runs.size()) {
        int count = 0;
        long bytes = 0;
        while (next < runs.size() && count < RUNS_A_CALL && bytes < BYTES_A_CALL) {
          PageRun run = runs.get(next);
          long part = Math.min(run.length() - inside, BYTES_A_CALL - bytes);
          remote.setAtIndex(JAVA_LONG, 2L * count, base + run.offset() + inside);
          remote.setAtIndex(JAVA_LONG, 2L * count + 1, part);
          count++;
          bytes += part;
          inside += part;
          if (inside == run.length()) {
            next++;
            inside = 0;
          }
        }
        local.setAtIndex(JAVA_LONG, 0, buffer.asSlice(done, bytes).address());
        local.setAtIndex(JAVA_LONG, 1, bytes);
        long moved = call(pid, local, remote, count, direction);
        if (moved != bytes) {
          throw new PodflareException(
              ErrorCode.MACHINE_FAILED,
              "moved only " + moved + " of " + bytes + " bytes of process " + pid);
        }
        done += bytes;
      }
    }
  }

  private static long call(
      long pid, MemorySegment local, MemorySegment remote, int count, Direction direction) {
    try {
      return direction == Direction.READ
          ? Libc.processVmReadv((int) pid, local, 1, remote, count)
          : Libc.processVmWritev((int) pid, local, 1, remote, count);
    } catch (PodflareException e) {
      if (Libc.failedWith(e, Libc.ESRCH)) {
        throw new PodflareException(ErrorCode.MACHINE_FAILED, "process " + pid + " is gone", e);
      }
      throw e;
    }
  }
}
