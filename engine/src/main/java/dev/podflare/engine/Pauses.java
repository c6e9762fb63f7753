package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.store.Change;
import dev.podflare.store.SandboxRecords;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sandboxes that stand still in the host's memory: they cost no processor time, and their lifetime
 * stands still too. Thread-safe.
 */
final class Pauses {
  private static final Logger LOG = LoggerFactory.getLogger(Pauses.class);

  private final Sandboxes sandboxes;
  private final SandboxRecords records;

  Pauses(Sandboxes sandboxes, SandboxRecords records) {
    this.sandboxes = sandboxes;
    this.records = records;
  }

  /** A paused one stays paused. */
  Sandbox pause(Caller caller, String id) {
    return sandboxes.exclusively(
        caller,
        id,
        sandbox -> {
          if (sandbox.state() == SandboxState.READY) {
            sandbox.pause();
            keep(sandbox, Change.PAUSED);
          }
          return sandbox;
        });
  }

  /** One that runs goes on. */
  Sandbox resume(Caller caller, String id) {
    return sandboxes.exclusively(
        caller,
        id,
        sandbox -> {
          if (sandbox.state() == SandboxState.PAUSED) {
            sandbox.resume();
            keep(sandbox, Change.RESUMED);
          }
          return sandbox;
        });
  }

  /** As if it were never paused, to those who call it: if it was made so. */
  Sandbox awake(Caller caller, String id) {
    while (true) {
      Sandbox sandbox = sandboxes.find(caller, id);
      if (sandbox.state() != SandboxState.PAUSED) {
        return sandbox;
      }
      if (!sandbox.record().autoResume()) {
        throw WrongState.of(id, SandboxState.PAUSED, SandboxState.READY);
      }
      resume(caller, id);
    }
  }

  /**
   * Lets a paused sandbox run until the lease is closed, by the same thread; nobody forks or
   * resumes it meanwhile. One that is not paused is not touched.
   */
  Lease lease(Caller caller, String id) {
    Sandbox sandbox = sandboxes.find(caller, id);
    if (sandbox.state() != SandboxState.PAUSED) {
      return new Lease(sandbox, false, false);
    }
    sandbox = sandboxes.findAndLock(caller, id);
    try {
      boolean held = sandbox.guest().isHeld();
      if (held) {
        sandbox.guest().letGoOn();
      }
      return new Lease(sandbox, true, held);
    } catch (RuntimeException e) {
      sandbox.unlockFamily();
      throw e;
    }
  }

  /** {@code wasHeld}: to be held again. */
  record Lease(Sandbox sandbox, boolean locked, boolean wasHeld) implements AutoCloseable {
    @Override
    public void close() {
      try {
        if (wasHeld && sandbox.state() == SandboxState.PAUSED) {
          sandbox.guest().hold();
        }
      } catch (PodflareException lost) {
        LOG.info("{} does not stand still: {}", sandbox.record().id(), lost.sentence());
      } finally {
        if (locked) {
          sandbox.unlockFamily();
        }
      }
    }
  }

  /**
   * After a lost host a paused sandbox is as lost as one that ran, so its record may be behind; the
   * machine itself is what counts.
   */
  private void keep(Sandbox sandbox, Change change) {
    synchronized (sandbox) {
      try {
        records.update(sandbox.record(), change);
      } catch (PodflareException e) {
        if (e.code() != ErrorCode.INTERNAL && e.code() != ErrorCode.RECORDS_UNAVAILABLE) {
          throw e;
        }
        LOG.warn("{}: its state was not written: {}", sandbox.record().id(), e.sentence());
      }
    }
  }
}
