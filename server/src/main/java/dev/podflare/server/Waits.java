package dev.podflare.server;

import java.time.Duration;

/**
 * What a write tells of the other end. One that goes through at once only reached a buffer of the
 * kernel; one that had to wait shows that the other end has taken something meanwhile, even if it
 * is too slow to answer a ping that stands behind much else. Stateless.
 */
final class Waits {
  private static final Duration NOTICEABLE = Duration.ofMillis(50);

  private Waits() {}

  /** Whether a write that began then, and is through now, had to wait. */
  static boolean shown(long beganNanos) {
    return System.nanoTime() - beganNanos > NOTICEABLE.toNanos();
  }
}
