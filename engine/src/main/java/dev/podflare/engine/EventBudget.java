package dev.podflare.engine;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Memory that events, unfinished lines and waiting code of all sandboxes together should take: a
 * quarter of the heap. Above it the daemon is {@link #crowded}: what nobody waits for is dropped,
 * long lines are cut, programs are held back, and new code is refused. Thread-safe.
 */
final class EventBudget {
  private final long limit;
  private final AtomicLong held = new AtomicLong();

  EventBudget(long limit) {
    this.limit = limit;
  }

  static EventBudget ofHeap() {
    return new EventBudget(Runtime.getRuntime().maxMemory() / 4);
  }

  /** {@code bytes}: negative to give back. */
  void add(long bytes) {
    held.addAndGet(bytes);
  }

  boolean crowded() {
    return held.get() > limit;
  }

  long held() {
    return held.get();
  }
}
