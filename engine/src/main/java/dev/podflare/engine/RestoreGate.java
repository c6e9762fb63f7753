package dev.podflare.engine;

import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * To whom the fillers of pools give way: callers that wait for machines, which are those that
 * restore for themselves, a bounded number at a time, and copies that are under way (forks, thaws,
 * undos), and for a moment after; and, while a pool has enough, callers that were just served. What
 * such a caller does next is another call, often the first in a guest whose code is not translated
 * yet. Thread-safe.
 */
final class RestoreGate {
  private static final Duration AFTER = Duration.ofMillis(250);

  private final Semaphore places;
  private final AtomicInteger copies = new AtomicInteger();
  private volatile long lastEnd = System.nanoTime() - AFTER.toNanos();
  private volatile long lastServed = lastEnd;

  RestoreGate(int places) {
    this.places = new Semaphore(places, true);
  }

  Semaphore places() {
    return places;
  }

  void copyBegins() {
    copies.incrementAndGet();
  }

  void copyEnds() {
    lastEnd = System.nanoTime();
    copies.decrementAndGet();
  }

  /** A caller gets a machine of a pool, or calls one that it has. */
  void served() {
    lastServed = System.nanoTime();
  }

  /** Whether callers wait for machines, or did a moment ago. */
  boolean busy() {
    return copies.get() > 0 || places.hasQueuedThreads() || justAfter(lastEnd);
  }

  /** Whether a caller was served a moment ago, so that its next call is to be expected. */
  boolean expectsCall() {
    return justAfter(lastServed);
  }

  private static boolean justAfter(long moment) {
    return System.nanoTime() - moment < AFTER.toNanos();
  }
}
