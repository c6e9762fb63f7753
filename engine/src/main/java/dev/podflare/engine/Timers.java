package dev.podflare.engine;

import dev.podflare.common.AwakeTime;
import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Runs tasks later, each on a virtual thread of its own. Thread-safe. */
final class Timers implements AutoCloseable {
  /**
   * What a guest said in time while this process stood still is heard before it is judged: the call
   * that ended is not taken for one that did not.
   */
  static final Duration AFTER_STANDSTILL = Duration.ofSeconds(1);

  private final ScheduledThreadPoolExecutor clock;

  Timers() {
    clock =
        new ScheduledThreadPoolExecutor(
            1, task -> Thread.ofPlatform().daemon().name("timers").unstarted(task));
    clock.setRemoveOnCancelPolicy(true);
    clock.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
  }

  Timer after(Duration delay, Runnable task) {
    Later later = new Later(task);
    later.schedule(delay);
    return later::stop;
  }

  /** A task that is still to come. */
  private final class Later {
    private final Runnable task;
    private boolean stopped;
    private @Nullable Future<?> scheduled;

    Later(Runnable task) {
      this.task = task;
    }

    synchronized void schedule(Duration delay) {
      if (!stopped) {
        scheduled = clock.schedule(this::due, delay.toMillis(), TimeUnit.MILLISECONDS);
      }
    }

    private void due() {
      if (AwakeTime.wokeWithin(AFTER_STANDSTILL)) {
        schedule(AFTER_STANDSTILL);
      } else {
        startVirtual(task);
      }
    }

    synchronized void stop() {
      stopped = true;
      if (scheduled != null) {
        scheduled.cancel(false);
      }
    }
  }

  private static void startVirtual(Runnable task) {
    Thread.ofVirtual().name("timer").start(task);
  }

  @Override
  public void close() {
    clock.shutdownNow();
  }
}
