package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;

/**
 * A lock for each name, without keeping names: some names share one. Nobody may take a second one
 * while he has one. Thread-safe.
 */
final class StripedLocks {
  private static final int STRIPES = 256;

  private final ReentrantLock[] locks =
      Stream.generate(ReentrantLock::new).limit(STRIPES).toArray(ReentrantLock[]::new);

  /** Taken; the caller unlocks it. {@code TIMED_OUT} if it is not free in time. */
  ReentrantLock lock(String name, Duration patience) {
    ReentrantLock lock = locks[Math.floorMod(name.hashCode(), STRIPES)];
    try {
      if (!lock.tryLock(patience.toNanos(), TimeUnit.NANOSECONDS)) {
        throw new PodflareException(
            ErrorCode.TIMED_OUT, name + " is being resumed; it was not free within " + patience);
      }
      return lock;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "interrupted", e);
    }
  }
}
