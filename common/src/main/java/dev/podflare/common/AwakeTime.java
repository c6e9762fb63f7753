package dev.podflare.common;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;

/**
 * Time in which this process could run. For waits for somebody else: a process that was stopped for
 * a minute (SIGSTOP, a debugger, a suspended host, a host without a free processor) has not waited
 * for a minute for an answer that has been there for most of it.
 *
 * <p>A thread looks at the clock ten times a second. If nobody has looked for much longer, then
 * nobody could, and that time does not count. Whoever asks first after a standstill sees it, so
 * there is no moment in which it counts. Thread-safe.
 */
public final class AwakeTime {
  /** How often a running process looks. */
  static final Duration TICK = Duration.ofMillis(100);

  /** From which gap on it was a standstill. */
  static final Duration STANDSTILL = Duration.ofSeconds(1);

  private static final AwakeTime PROCESS = new AwakeTime(System::nanoTime);

  static {
    Thread.ofPlatform().daemon().name("awake-time").start(PROCESS::lookOn);
  }

  private final LongSupplier clock;
  private long last;
  private long missed;
  private long wokenAt;
  private boolean everWoken;

  AwakeTime(LongSupplier clock) {
    this.clock = clock;
    this.last = clock.getAsLong();
  }

  /** As {@link System#nanoTime}, without the time in which this process could not run. */
  public static long nanos() {
    return PROCESS.now();
  }

  /** Whether a standstill has ended within that time: what came meanwhile may not be heard yet. */
  public static boolean wokeWithin(Duration time) {
    return PROCESS.woke(time);
  }

  /**
   * Waits for an answer.
   *
   * @param patience of time in which this process could run
   */
  public static <T> T get(CompletableFuture<T> answer, Duration patience)
      throws InterruptedException, ExecutionException, TimeoutException {
    long end = nanos() + patience.toNanos();
    while (true) {
      try {
        return answer.get(Math.max(0, end - nanos()), TimeUnit.NANOSECONDS);
      } catch (TimeoutException late) {
        if (end - nanos() <= 0) {
          throw late;
        }
      }
    }
  }

  synchronized long now() {
    long now = clock.getAsLong();
    long gap = now - last;
    if (gap > STANDSTILL.toNanos()) {
      missed += gap - TICK.toNanos();
      wokenAt = now;
      everWoken = true;
    }
    last = now;
    return now - missed;
  }

  synchronized boolean woke(Duration time) {
    long awake = now();
    return everWoken && awake + missed - wokenAt < time.toNanos();
  }

  private void lookOn() {
    try {
      while (true) {
        Thread.sleep(TICK);
        long _ = now();
      }
    } catch (InterruptedException ended) {
      Thread.currentThread().interrupt();
    }
  }
}
