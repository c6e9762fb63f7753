package dev.podflare.engine;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The last output of one terminal: a ring of blocks, found by the number of a byte. Written without
 * ever waiting for a reader, and read by any number of them, each at a place of its own. Blocks are
 * made as they are needed and counted in the budget; while that is crowded few are kept.
 * Thread-safe.
 */
final class TerminalLog {
  private static final int BLOCK = 4096;
  private static final int BLOCKS = Terminal.KEPT / BLOCK;
  private static final int BLOCKS_IF_CROWDED = 4;

  /** Where a viewer that has fallen behind goes on: enough for a screen. */
  private static final int RECENT = 32 << 10;

  private static final int LARGEST_PIECE = 32 << 10;

  private final EventBudget budget;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final byte[] @Nullable [] ring = new byte[BLOCKS + 1][];
  private long first;
  private long next;
  private int held;
  private boolean counted;
  private int readers;
  private @Nullable TerminalEnd end;

  /** {@code recent}: what came last before the byte {@code next}. */
  TerminalLog(EventBudget budget, long next, byte[] recent) {
    this.budget = budget;
    this.first = next - recent.length;
    this.next = first;
    append(recent);
  }

  /** From now on it counts in the budget. */
  void count() {
    lock.lock();
    try {
      if (!counted) {
        counted = true;
        budget.add((long) held * BLOCK);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Its sandbox is gone: it does not count any more; readers may still finish. */
  void abandon() {
    lock.lock();
    try {
      if (counted) {
        counted = false;
        budget.add(-(long) held * BLOCK);
      }
    } finally {
      lock.unlock();
    }
  }

  void append(byte[] bytes) {
    lock.lock();
    try {
      for (int at = 0; at < bytes.length; ) {
        int inBlock = (int) (next % BLOCK);
        int count = Math.min(bytes.length - at, BLOCK - inBlock);
        System.arraycopy(bytes, at, block(next), inBlock, count);
        at += count;
        next += count;
      }
      trim();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private byte[] block(long position) {
    int slot = (int) (position / BLOCK % ring.length);
    byte[] block = ring[slot];
    if (block == null) {
      block = new byte[BLOCK];
      ring[slot] = block;
      hold(1);
    } else if (first < position - position % BLOCK - (long) BLOCKS * BLOCK) {
      first = position - position % BLOCK - (long) BLOCKS * BLOCK; // it was the oldest
    }
    return block;
  }

  private void hold(int blocks) {
    held += blocks;
    if (counted) {
      budget.add((long) blocks * BLOCK);
    }
  }

  private void trim() {
    long last = next / BLOCK;
    int most = budget.crowded() ? BLOCKS_IF_CROWDED : BLOCKS;
    while (last - first / BLOCK > most) {
      int slot = (int) (first / BLOCK % ring.length);
      if (ring[slot] != null) {
        ring[slot] = null;
        hold(-1);
      }
      first = (first / BLOCK + 1) * BLOCK;
    }
  }

  /** Nothing comes any more; only the first counts. */
  void end(TerminalEnd how) {
    lock.lock();
    try {
      if (end == null) {
        end = how;
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  Optional<TerminalEnd> end() {
    lock.lock();
    try {
      return Optional.ofNullable(end);
    } finally {
      lock.unlock();
    }
  }

  long next() {
    lock.lock();
    try {
      return next;
    } finally {
      lock.unlock();
    }
  }

  /** What came last. */
  byte[] recent(int maxBytes) {
    lock.lock();
    try {
      return copy(Math.max(first, next - maxBytes), maxBytes);
    } finally {
      lock.unlock();
    }
  }

  /** Whether anybody looks. */
  boolean watched() {
    lock.lock();
    try {
      return readers > 0;
    } finally {
      lock.unlock();
    }
  }

  Terminal.Read read(long since, int maxBytes, Duration patience) throws InterruptedException {
    lock.lock();
    try {
      long from = Math.min(since, next);
      await(from, patience);
      long begin = Math.max(from, first);
      byte[] bytes = copy(begin, maxBytes);
      boolean all = begin + bytes.length == next;
      return new Terminal.Read(
          new TerminalPiece(begin, bytes, begin - from),
          all ? Optional.ofNullable(end) : Optional.empty());
    } finally {
      lock.unlock();
    }
  }

  private void await(long from, Duration patience) throws InterruptedException {
    long left = patience.toNanos();
    while (next <= from && end == null && left > 0) {
      left = changed.awaitNanos(left);
    }
  }

  private byte[] copy(long from, int maxBytes) {
    byte[] bytes = new byte[(int) Math.min(next - from, maxBytes)];
    for (int at = 0; at < bytes.length; ) {
      long position = from + at;
      int inBlock = (int) (position % BLOCK);
      int count = Math.min(bytes.length - at, BLOCK - inBlock);
      System.arraycopy(block(position), inBlock, bytes, at, count);
      at += count;
    }
    return bytes;
  }

  TerminalStream open() {
    lock.lock();
    try {
      readers++;
      return new Viewer(first);
    } finally {
      lock.unlock();
    }
  }

  private final class Viewer implements TerminalStream {
    private long position;
    private boolean closed;

    Viewer(long position) {
      this.position = position;
    }

    @Override
    public Optional<TerminalPiece> next(Duration wait) throws InterruptedException {
      lock.lock();
      try {
        await(position, wait);
        if (next <= position) {
          return Optional.empty();
        }
        long from = position >= first ? position : Math.max(first, next - RECENT);
        TerminalPiece piece = new TerminalPiece(from, copy(from, LARGEST_PIECE), from - position);
        position = piece.next();
        return Optional.of(piece);
      } finally {
        lock.unlock();
      }
    }

    @Override
    public Optional<TerminalEnd> end() {
      lock.lock();
      try {
        return position < next ? Optional.empty() : Optional.ofNullable(end);
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void close() {
      lock.lock();
      try {
        if (!closed) {
          closed = true;
          readers--;
        }
      } finally {
        lock.unlock();
      }
    }
  }
}
