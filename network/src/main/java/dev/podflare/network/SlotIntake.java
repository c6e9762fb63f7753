package dev.podflare.network;

import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.LoadingCache;
import com.github.benmanes.caffeine.cache.Ticker;
import io.github.bucket4j.Bucket;
import io.github.bucket4j.TimeMeter;
import java.net.Inet4Address;
import java.time.Duration;
import java.util.concurrent.Semaphore;

/** What each slot may still ask; forgotten when it has been silent for long. Thread-safe. */
final class SlotIntake {
  private static final int MOST_SLOTS = 1 << 16;
  private static final Duration FORGOTTEN = Duration.ofMinutes(10);

  /** Of one slot. */
  record Intake(Bucket queries, Semaphore waiting, Semaphore connections) {}

  private final Semaphore waiting;
  private final Semaphore connections;
  private final LoadingCache<Inet4Address, Intake> slots;

  SlotIntake(QueryLimits limits, Ticker clock) {
    this.waiting = new Semaphore(limits.waiting());
    this.connections = new Semaphore(limits.connections());
    this.slots =
        Caffeine.newBuilder()
            .maximumSize(MOST_SLOTS)
            .expireAfterAccess(FORGOTTEN)
            .ticker(clock)
            .executor(Runnable::run)
            .build(slot -> intake(limits, clock));
  }

  private static Intake intake(QueryLimits limits, Ticker clock) {
    Bucket bucket =
        Bucket.builder()
            .addLimit(limit ->
                limit
                    .capacity(limits.burst())
                    .refillGreedy(limits.perSecond(), Duration.ofSeconds(1)))
            .withCustomTimePrecision(new Meter(clock))
            .build();
    return new Intake(
        bucket, new Semaphore(limits.waitingPerSlot()), new Semaphore(limits.connectionsPerSlot()));
  }

  boolean takeQuery(Inet4Address slot) {
    return slots.get(slot).queries().tryConsume(1);
  }

  /** Runs the work if there is room for one more that waits; false if there is none. */
  boolean whileWaiting(Inet4Address slot, Runnable work) {
    return within(waiting, slots.get(slot).waiting(), work);
  }

  boolean whileConnected(Inet4Address slot, Runnable work) {
    return within(connections, slots.get(slot).connections(), work);
  }

  private static boolean within(Semaphore all, Semaphore own, Runnable work) {
    if (!own.tryAcquire()) {
      return false;
    }
    try {
      if (!all.tryAcquire()) {
        return false;
      }
      try {
        work.run();
        return true;
      } finally {
        all.release();
      }
    } finally {
      own.release();
    }
  }

  private record Meter(Ticker clock) implements TimeMeter {
    @Override
    public long currentTimeNanos() {
      return clock.read();
    }

    @Override
    public boolean isWallClockBased() {
      return false;
    }
  }
}
