package dev.podflare.network;

import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Ends something when its time is over, unless the time is extended before. It also ends writes,
 * for which sockets know no timeout. Extending is one write to memory. Thread-safe.
 */
final class IdleWatch implements AutoCloseable {
  private final ScheduledExecutorService timer;
  private final Runnable end;
  private volatile long until;
  private volatile boolean closed;
  private volatile @Nullable Future<?> next;

  private IdleWatch(ScheduledExecutorService timer, Runnable end) {
    this.timer = timer;
    this.end = end;
  }

  /** A timer for any number of watches; the owner shuts it down. */
  static ScheduledExecutorService timer(String name) {
    ScheduledThreadPoolExecutor timer =
        new ScheduledThreadPoolExecutor(1, Thread.ofPlatform().daemon().name(name).factory());
    timer.setRemoveOnCancelPolicy(true);
    timer.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    return timer;
  }

  static IdleWatch start(ScheduledExecutorService timer, Duration time, Runnable end) {
    IdleWatch watch = new IdleWatch(timer, end);
    watch.extend(time);
    watch.schedule(time.toNanos());
    return watch;
  }

  void extend(Duration time) {
    until = System.nanoTime() + time.toNanos();
  }

  private void schedule(long nanos) {
    try {
      next = timer.schedule(this::check, nanos, TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException e) {
      end(); // The owner is closing.
    }
  }

  private void check() {
    if (closed) {
      return;
    }
    long left = until - System.nanoTime();
    if (left > 0) {
      schedule(left);
    } else {
      end();
    }
  }

  private void end() {
    closed = true;
    Thread.ofVirtual().start(end);
  }

  @Override
  public void close() {
    closed = true;
    Future<?> task = next;
    if (task != null) {
      task.cancel(false);
    }
  }
}
