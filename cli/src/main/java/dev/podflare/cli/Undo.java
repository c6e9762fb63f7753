package dev.podflare.cli;

import java.util.ArrayDeque;

/** What must be undone, last first; goes through all of it, whatever fails. Thread-safe. */
final class Undo implements AutoCloseable {
  private final ArrayDeque<Runnable> steps = new ArrayDeque<>();

  synchronized void add(Runnable step) {
    steps.push(step);
  }

  /** Idempotent. The first failure is thrown at the end. */
  @Override
  public synchronized void close() {
    RuntimeException first = null;
    while (!steps.isEmpty()) {
      try {
        steps.pop().run();
      } catch (RuntimeException e) {
        if (first == null) {
          first = e;
        } else {
          first.addSuppressed(e);
        }
      }
    }
    if (first != null) {
      throw first;
    }
  }
}
