package dev.podflare.qemu;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A guest that writes where the host's disk is full is stopped by QEMU, which keeps the write and
 * tries it again when the guest goes on. So nothing is lost and no file system in the guest breaks:
 * it stands still until there is room, and here that is tried. Thread-safe.
 */
final class DiskRoom {
  private static final Logger LOG = LoggerFactory.getLogger(DiskRoom.class);
  private static final Duration LOOK = Duration.ofSeconds(1);

  private final String machine;
  private final BooleanSupplier again;
  private final AtomicLong failures = new AtomicLong();
  private final AtomicBoolean waiting = new AtomicBoolean();

  /**
   * @param again lets the machine go on if QEMU has stopped it; false if there was nothing to do.
   *     An exception: it has ended
   */
  DiskRoom(String machine, BooleanSupplier again) {
    this.machine = machine;
    this.again = again;
  }

  /** A write of the guest found no room. */
  void isMissing() {
    failures.incrementAndGet();
    waitForIt();
  }

  /** Whether a write waits for room. */
  boolean isAwaited() {
    return waiting.get();
  }

  /**
   * @throws PodflareException {@code host_full} while a write waits for room
   */
  void require() {
    if (isAwaited()) {
      throw new PodflareException(
          ErrorCode.HOST_FULL,
          "the host's disk is full: the guest of machine "
              + machine
              + " stands still until there is room for what it writes");
    }
  }

  private void waitForIt() {
    if (waiting.compareAndSet(false, true)) {
      LOG.warn("machine {}: the host's disk is full; its guest stands still", machine);
      Thread.ofVirtual().name("room for " + machine).start(this::tryUntilThereIsRoom);
    }
  }

  private void tryUntilThereIsRoom() {
    long seen;
    try {
      do {
        seen = failures.get();
        Thread.sleep(LOOK);
      } while (again.getAsBoolean() || failures.get() != seen);
      LOG.info("machine {}: there is room on the host's disk again", machine);
    } catch (PodflareException ended) {
      LOG.debug("machine {} waits for room no more: {}", machine, ended.getMessage());
      return; // and its doors stay shut
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
      return;
    }
    waiting.set(false);
    if (failures.get() != seen) { // meanwhile another write found none
      waitForIt();
    }
  }
}
