package dev.podflare.engine;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The events of one execution: written once, read by any number of readers at their own pace.
 *
 * <p>Memory is bounded from both ends. What readers have not read yet is held back at the source:
 * {@link #unread()} tells how much that is, and the guest is given credit only for the rest. What
 * all have read is kept for those who join later, up to {@link #RETAINED} bytes, then dropped.
 * Without readers nothing is held back.
 *
 * <p>From the start on there is one reader reserved for the caller that began the execution, until
 * it takes it or {@link #releaseReservation} is called: so that no event is lost between the start
 * and the first read.
 *
 * <p>The log of a process is <em>free</em>: readers hold nothing back. One that is slower than the
 * program is told what it has missed. Thread-safe.
 */
final class ExecLog {
  /** Bytes of read events that are kept for late readers. */
  static final long RETAINED = 4L << 20;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final EventBuffer entries = new EventBuffer();
  private final Set<Reader> readers = new HashSet<>();
  private final Runnable onRead;
  private final EventBudget budget;
  private final boolean free;
  private boolean reserved = true;
  private boolean ended;
  private boolean abandoned;
  private long retainedBytes;
  private long emitted;

  /** {@code onRead} is called, without locks, whenever {@link #unread()} may have shrunk. */
  ExecLog(Runnable onRead, EventBudget budget) {
    this(onRead, budget, false);
  }

  /** {@code free}: readers hold nothing back, and nothing is reserved. */
  ExecLog(Runnable onRead, EventBudget budget, boolean free) {
    this.free = free;
    this.reserved = !free;
    this.onRead = onRead;
    this.budget = budget;
  }

  /** The first event will have that number; before there are any. */
  void beginAt(long sequence) {
    lock.lock();
    try {
      entries.beginAt(sequence);
    } finally {
      lock.unlock();
    }
  }

  void append(ExecEvent event) {
    lock.lock();
    try {
      emitted += event.cost();
      entries.add(event, emitted);
      retainedBytes += event.cost();
      count(event.cost());
      ended |= event instanceof ExecEvent.Exit;
      trim();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Cost of the events that the slowest reader has not read. */
  long unread() {
    if (free) {
      return 0;
    }
    lock.lock();
    try {
      long slowest = reserved ? 0 : emitted;
      for (Reader reader : readers) {
        slowest = Math.min(slowest, reader.read);
      }
      return emitted - slowest;
    } finally {
      lock.unlock();
    }
  }

  boolean ended() {
    lock.lock();
    try {
      return ended;
    } finally {
      lock.unlock();
    }
  }

  /** Whether anybody reads. */
  boolean watched() {
    lock.lock();
    try {
      return !readers.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /** Number of the oldest event that is kept, and of the one that comes next. */
  Range range() {
    lock.lock();
    try {
      return new Range(entries.first(), entries.next());
    } finally {
      lock.unlock();
    }
  }

  record Range(long first, long next) {}

  /** The events of output that came last, as many as have so many bytes. */
  List<ExecEvent.Output> recent(int maxBytes) {
    lock.lock();
    try {
      ArrayDeque<ExecEvent.Output> newest = new ArrayDeque<>();
      long left = maxBytes;
      for (long at = entries.next() - 1; at >= entries.first(); at--) {
        if (!(entries.event(at) instanceof ExecEvent.Output output) || output.cost() > left) {
          break;
        }
        left -= output.cost();
        newest.addFirst(output);
      }
      return List.copyOf(newest);
    } finally {
      lock.unlock();
    }
  }

  /** Joins at a sequence number, or at the nearest to it that is kept or comes next. */
  ExecStream open(long fromSequence) {
    lock.lock();
    try {
      long oldest = free ? 0 : entries.first();
      Reader reader = new Reader(Math.clamp(fromSequence, oldest, entries.next()));
      readers.add(reader);
      reserved = false;
      return reader;
    } finally {
      lock.unlock();
    }
  }

  /** The caller that began will not read. */
  void releaseReservation() {
    lock.lock();
    try {
      reserved = false;
      trim();
    } finally {
      lock.unlock();
    }
    onRead.run();
  }

  long retained() {
    lock.lock();
    try {
      return retainedBytes;
    } finally {
      lock.unlock();
    }
  }

  /** The sandbox is gone: what is kept no longer counts; readers may still finish. */
  void abandon() {
    lock.lock();
    try {
      if (!abandoned) {
        abandoned = true;
        budget.add(-retainedBytes);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Drops all events but the last, if nobody is reading. */
  void forget() {
    lock.lock();
    try {
      while ((free || readers.isEmpty()) && !reserved && entries.count() > 1) {
        dropFirst();
      }
    } finally {
      lock.unlock();
    }
  }

  private void count(long cost) {
    if (!abandoned) {
      budget.add(cost);
    }
  }

  private void dropFirst() {
    long cost = entries.event(entries.first()).cost();
    retainedBytes -= cost;
    count(-cost);
    entries.removeFirst();
  }

  private void trim() {
    long most = budget.crowded() ? 0 : RETAINED;
    while (retainedBytes > most && entries.count() > 1 && !reserved) {
      long oldest = entries.first();
      if (!free && readers.stream().anyMatch(reader -> reader.position <= oldest)) {
        return;
      }
      dropFirst();
    }
  }

  private final class Reader implements ExecStream {
    private long position;
    private long read;
    private boolean sawEnd;

    Reader(long position) {
      this.position = position;
      this.read = entries.costBefore(position);
    }

    @Override
    public Optional<ExecEvent> next(Duration wait) throws InterruptedException {
      Optional<ExecEvent> event = take(wait);
      if (event.isPresent()) {
        onRead.run();
      }
      return event;
    }

    private Optional<ExecEvent> take(Duration wait) throws InterruptedException {
      lock.lock();
      try {
        long left = wait.toNanos();
        while (position >= entries.next()) {
          if (sawEnd || ended || left <= 0) {
            sawEnd |= ended;
            return Optional.empty();
          }
          left = changed.awaitNanos(left);
        }
        if (position < entries.first()) {
          return Optional.of(skip());
        }
        ExecEvent event = entries.event(position);
        position++;
        read = entries.costBefore(position);
        sawEnd = event instanceof ExecEvent.Exit;
        trim();
        return Optional.of(event);
      } finally {
        lock.unlock();
      }
    }

    private ExecEvent skip() {
      long from = position;
      position = entries.first();
      read = entries.costBefore(position);
      long millis = entries.event(position).epochMillis();
      return new ExecEvent.Skipped(from, millis, position - from);
    }

    @Override
    public boolean ended() {
      return sawEnd;
    }

    @Override
    public void close() {
      lock.lock();
      try {
        readers.remove(this);
        trim();
      } finally {
        lock.unlock();
      }
      onRead.run();
    }
  }
}
