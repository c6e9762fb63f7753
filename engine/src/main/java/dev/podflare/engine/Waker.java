package dev.podflare.engine;

import dev.podflare.common.PodflareException;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Wakes handed-out machines in the background, a few at a time, and not while others are being
 * handed out. A guest that wakes is busy for some milliseconds; were each woken at once, the next
 * create would run beside it, and the last of a burst beside all of them. A call that comes before
 * its machine's turn wakes it itself. In the same turns fresh copies rehearse. Thread-safe.
 */
final class Waker {
  private static final Logger LOG = LoggerFactory.getLogger(Waker.class);

  /** Who is paused in the middle of it does not keep others waiting. */
  private static final Duration REHEARSAL_PATIENCE = Duration.ofSeconds(1);

  /** Creates without end do not keep a machine asleep for ever. */
  private static final Duration LONGEST_WAY = Duration.ofMillis(250);

  private final Supplier<Duration> untilCalm;
  private final Semaphore places =
      new Semaphore(Math.max(1, Runtime.getRuntime().availableProcessors() / 2), true);

  /** {@code untilCalm}: how long at least until no sandbox is being created. */
  Waker(Supplier<Duration> untilCalm) {
    this.untilCalm = untilCalm;
  }

  /** Returns at once. */
  void wakeSoon(Sandbox sandbox) {
    Thread.ofVirtual().name("wake " + sandbox.record().id()).start(() -> wake(sandbox));
  }

  private void wake(Sandbox sandbox) {
    attempt(
        sandbox,
        () -> {
          inTurn(sandbox.guest()::wake);
          // Out of turn: one that is paused by now keeps this waiting.
          boolean _ = sandbox.giveVariables();
        });
  }

  /**
   * A fresh copy runs what its first call will run, as machines of the pool have. Returns at once.
   */
  void rehearseSoon(Sandbox sandbox) {
    Thread.ofVirtual()
        .name("rehearsal of " + sandbox.record().id())
        .start(() -> attempt(sandbox, () -> inTurn(() -> sandbox.rehearse(REHEARSAL_PATIENCE))));
  }

  private static void attempt(Sandbox sandbox, Runnable action) {
    try {
      action.run();
    } catch (PodflareException e) {
      // Its end is told by the machine; the next call finds the sandbox gone.
      LOG.debug("{} was not woken, or did not rehearse: {}", sandbox.record().id(), e.sentence());
    }
  }

  private void inTurn(Runnable action) {
    places.acquireUninterruptibly();
    try {
      awaitCalm();
      action.run();
    } finally {
      places.release();
    }
  }

  private void awaitCalm() {
    long end = System.nanoTime() + LONGEST_WAY.toNanos();
    Duration rest = untilCalm.get();
    while (rest.isPositive() && System.nanoTime() < end) {
      LockSupport.parkNanos(rest.toNanos());
      rest = untilCalm.get();
    }
  }
}
