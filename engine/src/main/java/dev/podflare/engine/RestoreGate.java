package dev.podflare.engine;

import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;

/**
 * To whom the fillers of pools give way: callers that wait for machines, which are those that
 * restore for themselves, a bounded number at a time, and copies that are under way (forks, thaws,
 * undos), and for a moment after; creates that are under way; and, while a pool has enough, callers
 * that were just served. What such a caller does next is another call, often the first in a guest
 * whose code is not translated yet. Thread-safe.
 */
final class RestoreGate {
  private static final Duration AFTER = Duration.ofMillis(250);

  /** Creates that come closer together than this are one rush. */
  private static final Duration CALM = Duration.ofMillis(5);

  private final Semaphore places;
  private final AtomicInteger copies = new AtomicInteger();
  private final LongSupplier nanos;
  private volatile long lastEnd;
  private volatile long lastServed;
  private volatile long lastCreate;

  RestoreGate(int places) {
    this(places, System::nanoTime);
  }

  /** {@code nanos}: the time. */
  RestoreGate(int places, LongSupplier nanos) {
    this.places = new Semaphore(places, true);
    this.nanos = nanos;
    this.lastEnd = nanos.getAsLong() - AFTER.toNanos();
    this.lastServed = lastEnd;
    this.lastCreate = lastEnd;
  }

  Semaphore places() {
    return places;
  }

  void copyBegins() {
    copies.incrementAndGet();
  }

  void copyEnds() {
    lastEnd = nanos.getAsLong();
    copies.decrementAndGet();
  }

  /** A caller has been given a machine, or calls one that it has. */
  void served() {
    lastServed = nanos.getAsLong();
  }

  /** A create begins or ends. */
  void creates() {
    lastCreate = nanos.getAsLong();
  }

  /** How long at least until no create has begun or ended for some milliseconds; zero: so it is. */
  Duration untilCalm() {
    long rest = lastCreate + CALM.toNanos() - nanos.getAsLong();
    return rest > 0 ? Duration.ofNanos(rest) : Duration.ZERO;
  }

  /** Whether callers wait for machines, or did a moment ago. */
  boolean busy() {
    return copies.get() > 0 || places.hasQueuedThreads() || justAfter(lastEnd);
  }

  /** Whether a caller was served a moment ago, so that its next call is to be expected. */
  boolean expectsCall() {
    return justAfter(lastServed);
  }

  private boolean justAfter(long moment) {
    return nanos.getAsLong() - moment < AFTER.toNanos();
  }
}
