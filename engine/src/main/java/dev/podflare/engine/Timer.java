package dev.podflare.engine;

/** A task that will run later. */
@FunctionalInterface
interface Timer {
  /** The task will not run, unless it has begun. Idempotent. */
  void stop();
}
