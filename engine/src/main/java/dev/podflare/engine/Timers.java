package dev.podflare.engine;

import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Runs tasks later, each on a virtual thread of its own. Thread-safe. */
final class Timers implements AutoCloseable {
  private final ScheduledThreadPoolExecutor clock;

  Timers() {
    clock =
        new ScheduledThreadPoolExecutor(
            1, task -> Thread.ofPlatform().daemon().name("timers").unstarted(task));
    clock.setRemoveOnCancelPolicy(true);
    clock.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
  }

  Timer after(Duration delay, Runnable task) {
    Future<?> scheduled =
        clock.schedule(() -> startVirtual(task), delay.toMillis(), TimeUnit.MILLISECONDS);
    return () -> scheduled.cancel(false);
  }

  private static void startVirtual(Runnable task) {
    Thread.ofVirtual().name("timer").start(task);
  }

  @Override
  public void close() {
    clock.shutdownNow();
  }
}
