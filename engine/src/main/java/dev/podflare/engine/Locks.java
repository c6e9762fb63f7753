package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;

/** Waits for locks, but not for ever. Stateless. */
final class Locks {
  private Locks() {}

  /**
   * Taken when it returns. {@code TIMED_OUT} if it is not free in time, {@code SHUTTING_DOWN} if
   * interrupted.
   *
   * @param busy what keeps it, for people, for example {@code sbx_1 is being forked}
   */
  static void take(Lock lock, Duration patience, String busy) {
    try {
      if (!lock.tryLock(patience.toNanos(), TimeUnit.NANOSECONDS)) {
        throw new PodflareException(
            ErrorCode.TIMED_OUT, busy + "; it was not free within " + patience);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "interrupted", e);
    }
  }
}
