package dev.podflare.engine;

import dev.podflare.common.PodflareException;
import dev.podflare.common.SteadyClock;
import dev.podflare.store.Change;
import dev.podflare.store.SandboxRecords;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps times true when the host's clock jumps. Lifetimes, idle times and limits of calls are
 * durations, and somebody who asked for an hour gets one, whatever the clock is set to meanwhile.
 * But they are kept as the time at which they are over, since the next daemon, and callers, must
 * understand them. So they are moved by as much as the clock has jumped. One thread.
 */
final class ClockJumps {
  private static final Logger LOG = LoggerFactory.getLogger(ClockJumps.class);

  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final SteadyClock clock;
  private final Sandboxes sandboxes;
  private final SandboxRecords records;
  private volatile boolean recordsAreBehind;

  ClockJumps(SteadyClock clock, Sandboxes sandboxes, SandboxRecords records) {
    this.clock = clock;
    this.sandboxes = sandboxes;
    this.records = records;
  }

  /** Moves all times if the clock has jumped; in memory, so that it is quick. Returns whether. */
  boolean follow() {
    Duration jump = clock.jump();
    if (jump.isZero()) {
      return false;
    }
    // Whoever looks meanwhile sees a deadline that is too far away, never one that is over.
    if (jump.isPositive()) {
      move(jump);
      clock.follow();
    } else {
      clock.follow();
      move(jump);
    }
    recordsAreBehind = true;
    LOG.warn("the host's clock has jumped by {}; deadlines have been moved with it", jump);
    return true;
  }

  private void move(Duration jump) {
    sandboxes.all().forEach(sandbox -> sandbox.clockJumped(jump));
  }

  /** Brings the records up to date, if they are not; to be repeated after a failure. */
  void write() {
    if (!recordsAreBehind) {
      return;
    }
    recordsAreBehind = false;
    for (Sandbox sandbox : sandboxes.all()) {
      try {
        write(sandbox);
      } catch (PodflareException e) {
        recordsAreBehind = true;
        LOG.warn("{}: its deadline is written later: {}", sandbox.record().id(), e.sentence());
      }
    }
  }

  /** Not while it is being paused, resumed or frozen, which write its record too. */
  private void write(Sandbox sandbox) {
    sandbox.lockFamily(PATIENCE);
    try {
      sandbox.noteTimes();
      synchronized (sandbox) {
        if (sandbox.is(sandbox.record().id())) {
          boolean _ = records.update(sandbox.record(), Change.SETTINGS);
        }
      }
    } finally {
      sandbox.unlockFamily();
    }
  }
}
