package dev.podflare.store.checkpoint;

import java.util.List;
import java.util.Optional;

/**
 * An aligned piece of a part whose bytes make one chunk: those of its runs that are not zero, in
 * their order. Its length is a power of two from {@link #MIN} to {@link #MAX}, the largest at its
 * place that has no more than {@link #MAX_DATA} such bytes.
 *
 * @param chunk empty if all runs are zero
 */
record Window(long offset, long length, List<Run> runs, Optional<ChunkRef> chunk) {
  static final int MIN = 256 << 10;
  static final int MAX = 8 << 20;
  static final int MAX_DATA = MIN;

  Window {
    runs = List.copyOf(runs);
  }

  long end() {
    return offset + length;
  }

  /** Bytes of its chunk. */
  int dataBytes() {
    long sum = 0;
    for (Run run : runs) {
      sum += run.zero() ? 0 : run.length();
    }
    return Math.toIntExact(sum);
  }

  Window withChunk(ChunkRef ref) {
    return new Window(offset, length, runs, Optional.of(ref));
  }
}
