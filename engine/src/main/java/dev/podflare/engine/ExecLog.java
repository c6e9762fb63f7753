package dev.podflare.engine;

import java.time.Duration;
import java.util.HashSet;
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
 * and the first read. Thread-safe.
 */
final class ExecLog {
  /** Bytes of read events that are kept for late readers. */
  static final long RETAINED = 4L << 20;

  private static final long EVENT_OVERHEAD = 64;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final EventBuffer entries = new EventBuffer();
  private final Set<Reader> readers = new HashSet<>();
  private final Runnable onRead;
  private boolean reserved = true;
  private boolean ended;
  private long retainedBytes;
  private long rawEmitted;

  /** {@code onRead} is called, without locks, whenever {@link #unread()} may have shrunk. */
  ExecLog(Runnable onRead) {
    this.onRead = onRead;
  }

  void append(ExecEvent event) {
    lock.lock();
    try {
      rawEmitted += payload(event);
      entries.add(event, rawEmitted);
      retainedBytes += payload(event) + EVENT_OVERHEAD;
      ended |= event instanceof ExecEvent.Exit;
      trim();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Bytes of output that the slowest reader has not read. */
  long unread() {
    lock.lock();
    try {
      long read = reserved ? 0 : rawEmitted;
      for (Reader reader : readers) {
        read = Math.min(read, reader.rawRead);
      }
      return rawEmitted - read;
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

  /** Joins at a sequence number, or at the oldest event that is kept if that one is gone. */
  ExecStream open(long fromSequence) {
    lock.lock();
    try {
      Reader reader = new Reader(Math.max(fromSequence, entries.first()));
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

  /** Drops all events but the last, if nobody is reading. */
  void forget() {
    lock.lock();
    try {
      while (readers.isEmpty() && !reserved && entries.count() > 1) {
        dropFirst();
      }
    } finally {
      lock.unlock();
    }
  }

  private void dropFirst() {
    retainedBytes -= payload(entries.event(entries.first())) + EVENT_OVERHEAD;
    entries.removeFirst();
  }

  private void trim() {
    while (retainedBytes > RETAINED && entries.count() > 1 && !reserved) {
      long oldest = entries.first();
      if (readers.stream().anyMatch(reader -> reader.position <= oldest)) {
        return;
      }
      dropFirst();
    }
  }

  private static long payload(ExecEvent event) {
    return switch (event) {
      case ExecEvent.Output output -> output.bytes().length;
      case ExecEvent.Result result ->
          result.data().values().stream().mapToLong(String::length).sum();
      case ExecEvent.Started _, ExecEvent.Exit _ -> 0;
    };
  }

  private final class Reader implements ExecStream {
    private long position;
    private long rawRead;
    private boolean sawEnd;

    Reader(long position) {
      this.position = position;
      this.rawRead = entries.rawBefore(position);
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
        ExecEvent event = entries.event(position);
        position++;
        rawRead = entries.rawBefore(position);
        sawEnd = event instanceof ExecEvent.Exit;
        trim();
        return Optional.of(event);
      } finally {
        lock.unlock();
      }
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
