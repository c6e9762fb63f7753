package dev.podflare.engine;

import dev.podflare.common.PodflareException;
import dev.podflare.image.FrozenShape;
import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts frozen shapes into the checkpoint store in the background, one at a time, where other nodes
 * may want to go on with what stands on them. Nobody waits for it: a Space is safe on its own node
 * before. What fails is tried again while the daemon lives, and what a killed one has not done is
 * asked for again by the next. Thread-safe.
 */
final class ShapeSharing implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ShapeSharing.class);
  private static final Duration FIRST_PAUSE = Duration.ofSeconds(15);
  private static final Duration LONGEST_PAUSE = Duration.ofMinutes(10);

  private final Optional<ShapeVault> vault;
  private final Map<String, FrozenShape> wanted = new LinkedHashMap<>();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private @Nullable Thread worker;
  private boolean closed;

  /** {@code vault}: empty if no other node shares the store. */
  ShapeSharing(Optional<ShapeVault> vault) {
    this.vault = vault;
  }

  boolean on() {
    return vault.isPresent();
  }

  /**
   * Other nodes may want this one; at once or soon. Repeating it is no error, and says so again.
   */
  void share(FrozenShape shape) {
    if (vault.isEmpty()) {
      return;
    }
    lock.lock();
    try {
      if (!closed) {
        wanted.put(shape.image(), shape);
        changed.signalAll();
        start(vault.get());
      }
    } finally {
      lock.unlock();
    }
  }

  private void start(ShapeVault into) {
    if (worker == null) {
      worker = Thread.ofPlatform().daemon().name("shape-sharing").start(() -> work(into));
    }
  }

  private void work(ShapeVault into) {
    Duration pause = FIRST_PAUSE;
    try {
      while (true) {
        FrozenShape next = next();
        if (put(into, next)) {
          pause = FIRST_PAUSE;
        } else {
          Thread.sleep(pause);
          pause = pause.multipliedBy(2);
          pause = pause.compareTo(LONGEST_PAUSE) < 0 ? pause : LONGEST_PAUSE;
        }
      }
    } catch (InterruptedException closing) {
      // The next daemon asks for the rest again.
    }
  }

  private FrozenShape next() throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (wanted.isEmpty()) {
        changed.await();
      }
      return wanted.values().iterator().next();
    } finally {
      lock.unlock();
    }
  }

  /** Whether there is nothing more to be done about it; if there is, others come first. */
  private boolean put(ShapeVault into, FrozenShape shape) {
    try {
      into.put(shape);
      done(shape, false);
      return true;
    } catch (PodflareException e) {
      LOG.warn("shape {} is not in the store for other nodes yet: {}", shape.key(), e.sentence());
      done(shape, true);
      return false;
    } catch (IOException e) {
      LOG.warn(
          "shape {} cannot be put into the store for other nodes: {}", shape.key(), e.toString());
      done(shape, false); // it was removed: nothing stands on it any more
      return true;
    } catch (RuntimeException e) {
      LOG.warn("shape {} is not in the store for other nodes", shape.key(), e);
      done(shape, true);
      return false;
    }
  }

  private void done(FrozenShape shape, boolean again) {
    lock.lock();
    try {
      if (wanted.remove(shape.image(), shape) && again) {
        wanted.put(shape.image(), shape);
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Waits until all that was asked for is there, but not for longer; what is left is logged. */
  void settle(Duration patience) {
    long left = patience.toNanos();
    lock.lock();
    try {
      while (!wanted.isEmpty() && left > 0) {
        left = changed.awaitNanos(left);
      }
      wanted
          .values()
          .forEach(shape ->
              LOG.warn(
                  "shape {} is not in the store yet: until this node has put it there, no other can"
                      + " go on with what stands on it",
                  shape.key()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      lock.unlock();
    }
  }

  /** Breaks off what is under way. */
  @Override
  public void close() {
    Thread ending;
    lock.lock();
    try {
      closed = true;
      ending = worker;
    } finally {
      lock.unlock();
    }
    try {
      if (ending != null) {
        ending.interrupt();
        ending.join(TimeUnit.SECONDS.toMillis(10));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    vault.ifPresent(ShapeVault::close);
  }
}
