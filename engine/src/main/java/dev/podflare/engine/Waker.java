package dev.podflare.engine;

import dev.podflare.common.PodflareException;
import java.util.concurrent.Semaphore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Wakes handed-out machines in the background, a few at a time. A guest that wakes is busy for some
 * milliseconds; were all of a burst woken at once, the last caller would wait for all of them. A
 * call that comes before its machine's turn wakes it itself. Thread-safe.
 */
final class Waker {
  private static final Logger LOG = LoggerFactory.getLogger(Waker.class);

  private final Semaphore places =
      new Semaphore(Math.max(1, Runtime.getRuntime().availableProcessors() / 2), true);

  /** Returns at once. */
  void wakeSoon(Sandbox sandbox) {
    Thread.ofVirtual().name("wake " + sandbox.record().id()).start(() -> wake(sandbox));
  }

  private void wake(Sandbox sandbox) {
    try {
      inTurn(sandbox.guest()::wake);
      // Out of turn: one that is paused by now keeps this waiting.
      boolean _ = sandbox.giveVariables();
    } catch (PodflareException e) {
      // Its end is told by the machine; the next call finds the sandbox gone.
      LOG.debug("{} did not wake: {}", sandbox.record().id(), e.sentence());
    }
  }

  private void inTurn(Runnable action) {
    places.acquireUninterruptibly();
    try {
      action.run();
    } finally {
      places.release();
    }
  }
}
