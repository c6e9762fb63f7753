package dev.podflare.network;

import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Short waits. */
final class Pauses {
  private static final Logger LOG = LoggerFactory.getLogger(Pauses.class);
  private static final long MILLIS = 50;
  private static final Duration LONGEST_END = Duration.ofSeconds(2);

  private Pauses() {}

  /** Keeps a loop from spinning when the system is out of descriptors. */
  static void afterFailedAccept() {
    try {
      Thread.sleep(MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Waits for the thread that was reading from a socket just closed: until it lets go, the kernel
   * keeps the address.
   */
  static void untilEnd(Thread thread) {
    try {
      if (!thread.join(LONGEST_END)) {
        LOG.warn("{} did not end within {}", thread.getName(), LONGEST_END);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
