package dev.podflare.engine;

import java.time.Duration;
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

  /** Taken, as by {@link Locks#take}; the caller unlocks it. */
  ReentrantLock lock(String name, Duration patience) {
    ReentrantLock lock = locks[Math.floorMod(name.hashCode(), STRIPES)];
    Locks.take(lock, patience, name + " is being resumed");
    return lock;
  }
}
