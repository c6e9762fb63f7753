package dev.podflare.engine;

import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Callers that wait for machines: those that restore for themselves, a bounded number at a time,
 * and copies that are under way (forks, thaws, undos). The fillers of pools give way to them, and
 * for a moment after: what the caller does next is the first call, in a guest whose code is not
 * translated yet. Thread-safe.
 */
final class RestoreGate {
  private static final Duration AFTER = Duration.ofMillis(250);

  private final Semaphore places;
  private final AtomicInteger copies = new AtomicInteger();
  private volatile long lastEnd = System.nanoTime() - AFTER.toNanos();

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

  boolean busy() {
    return copies.get() > 0
        || places.hasQueuedThreads()
        || System.nanoTime() - lastEnd < AFTER.toNanos();
  }
}
