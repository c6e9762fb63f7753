package dev.podflare.network;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Slots made ahead. One thread in the background scrubs what was given back and makes what is
 * missing; a taker who finds none ready makes one on its own thread. Thread-safe.
 */
public final class SlotPool implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(SlotPool.class);
  private static final Duration PAUSE_AFTER_FAILURE = Duration.ofSeconds(1);

  private final Network network;
  private final SlotPoolConfig config;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Deque<Slot> ready = new ArrayDeque<>();
  private final Deque<Slot> used = new ArrayDeque<>();
  private final Set<Slot> taken = new HashSet<>();
  private final Thread keeper;
  private int making;
  private boolean closed;

  private SlotPool(Network network, SlotPoolConfig config) {
    this.network = network;
    this.config = config;
    this.keeper = Thread.ofPlatform().name("network-slot-pool").daemon().unstarted(this::keep);
  }

  /** Begins to fill. */
  public static SlotPool open(Network network, SlotPoolConfig config) {
    SlotPool pool = new SlotPool(network, config);
    pool.keeper.start();
    return pool;
  }

  /**
   * Takes a slot, shut. Nothing is made or spawned if one is ready.
   *
   * @throws PodflareException {@code host_full} when all are taken, {@code shutting_down}
   */
  public Slot take() {
    long nanos = config.patience().toNanos();
    lock.lock();
    try {
      while (true) {
        requireOpen();
        Slot slot = ready.poll();
        if (slot != null) {
          taken.add(slot);
          changed.signalAll();
          return slot;
        }
        if (count() < config.limit()) {
          making++;
          break;
        }
        if (taken.size() >= config.limit() || nanos <= 0) {
          throw new PodflareException(
              ErrorCode.HOST_FULL, "all " + config.limit() + " network slots are in use");
        }
        nanos = changed.awaitNanos(nanos);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.TIMED_OUT, "interrupted while waiting for a slot", e);
    } finally {
      lock.unlock();
    }
    return made(true);
  }

  /** Takes in a slot of the network that is in use already; it is given back as any other. */
  public void adopt(Slot slot) {
    lock.lock();
    try {
      taken.add(slot);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Gives a slot back, whose hypervisor has ended. It is shut when this returns, and scrubbed in
   * the background.
   */
  public void give(Slot slot) {
    lock.lock();
    try {
      if (!taken.remove(slot)) {
        throw new PodflareException(
            ErrorCode.INTERNAL, "slot " + slot.name() + " was not taken from this pool");
      }
      making++; // it counts until it is ready again or gone
    } finally {
      lock.unlock();
    }
    try {
      slot.apply(EgressPolicy.SHUT);
    } catch (RuntimeException e) {
      LOG.warn("slot {} could not be shut and is taken away", slot.name(), e);
      discard(slot);
      return;
    }
    lock.lock();
    try {
      making--;
      used.add(slot);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Slots ready to be taken. */
  public int ready() {
    lock.lock();
    try {
      return ready.size();
    } finally {
      lock.unlock();
    }
  }

  /** Slots in use. */
  public int taken() {
    lock.lock();
    try {
      return taken.size();
    } finally {
      lock.unlock();
    }
  }

  private int count() {
    return ready.size() + used.size() + taken.size() + making;
  }

  private void requireOpen() {
    if (closed) {
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "the pool of network slots is closed");
    }
  }

  private void keep() {
    while (true) {
      Slot slot;
      boolean plenty; // what a burst made more than is kept goes again
      lock.lock();
      try {
        while (!closed && used.isEmpty() && !wanted()) {
          changed.await();
        }
        if (closed) {
          return;
        }
        slot = used.poll();
        plenty = ready.size() >= config.ready();
        making++;
      } catch (InterruptedException e) {
        return;
      } finally {
        lock.unlock();
      }
      if (slot == null) {
        makeAhead();
      } else if (plenty) {
        discard(slot);
      } else {
        scrub(slot);
      }
    }
  }

  private boolean wanted() {
    return ready.size() < config.ready() && count() < config.limit();
  }

  private void makeAhead() {
    try {
      Slot ignored = made(false);
    } catch (RuntimeException e) {
      LOG.warn("a network slot could not be made", e);
      pause();
    }
  }

  private void scrub(Slot slot) {
    try {
      slot.scrub();
      lock.lock();
      try {
        making--;
        ready.add(slot);
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    } catch (RuntimeException e) {
      LOG.warn("slot {} could not be scrubbed and is taken away", slot.name(), e);
      discard(slot);
    }
  }

  /** Makes one that was counted already. */
  private Slot made(boolean forTaker) {
    Slot slot = null;
    try {
      slot = network.makeSlot();
      return slot;
    } finally {
      lock.lock();
      try {
        making--;
        if (slot != null && forTaker) {
          taken.add(slot);
        } else if (slot != null) {
          ready.add(slot);
        }
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  /** Takes a slot away that was counted as being made. */
  private void discard(Slot slot) {
    try {
      slot.close();
    } catch (RuntimeException e) {
      LOG.error(
          "slot {} could not be taken away; the next start of the daemon will", slot.name(), e);
    }
    lock.lock();
    try {
      making--;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void pause() {
    long nanos = PAUSE_AFTER_FAILURE.toNanos();
    lock.lock();
    try {
      while (!closed && nanos > 0) {
        nanos = changed.awaitNanos(nanos);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      lock.unlock();
    }
  }

  /** Ends the background work; the slots themselves go with the network. Can be repeated. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    try {
      keeper.join(Duration.ofSeconds(60));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
