package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.Ids;
import dev.podflare.common.PodflareException;
import dev.podflare.network.GuestAccess;
import dev.podflare.qemu.Machine;
import dev.podflare.qemu.MachineState;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is made ahead of time for one shape: blanks, and restored, warmed, sleeping machines. One
 * thread fills it up, one machine at a time; callers take from it and never wait for it: who finds
 * it empty restores a blank himself. The filler leaves the processors to such callers. Thread-safe.
 */
final class ShapePool implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ShapePool.class);
  private static final Duration RETRY = Duration.ofSeconds(2);
  private static final Duration LONGEST_RETRY = Duration.ofSeconds(60);

  private final LoadedShape shape;
  private final Blanks starter;
  private final Ids ids;
  private final Duration guestDeadline;
  private final RestoreGate gate;
  private final EngineConfig.PoolSize wanted;
  private final FillTurn turn;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final ArrayDeque<Machine> blanks = new ArrayDeque<>();
  private final ArrayDeque<GuestMachine> warm = new ArrayDeque<>();
  private final Thread filler;
  private volatile long lastUsed = System.nanoTime();
  private boolean closed;

  ShapePool(
      LoadedShape shape,
      Blanks starter,
      Ids ids,
      Duration guestDeadline,
      RestoreGate gate,
      EngineConfig.PoolSize wanted) {
    this.shape = shape;
    this.starter = starter;
    this.ids = ids;
    this.guestDeadline = guestDeadline;
    this.gate = gate;
    this.wanted = wanted;
    this.turn = new FillTurn(gate, wanted, System::nanoTime);
    this.filler =
        Thread.ofVirtual().name("pool " + shape.frozen().key()).unstarted(this::fillForEver);
  }

  void start() {
    filler.start();
  }

  LoadedShape shape() {
    return shape;
  }

  /** Somebody takes from it. */
  void used() {
    lastUsed = System.nanoTime();
  }

  /** When it was used last, by {@link System#nanoTime}. */
  long lastUsed() {
    return lastUsed;
  }

  /** A sleeping machine, if there is one. */
  Optional<GuestMachine> take() {
    lock.lock();
    try {
      checkOpen();
      GuestMachine machine = warm.pollFirst();
      while (machine != null && !machine.alive()) {
        machine = warm.pollFirst();
      }
      changed.signalAll();
      return Optional.ofNullable(machine);
    } finally {
      lock.unlock();
    }
  }

  /** Restores a machine now, on the caller's thread; it runs. */
  GuestMachine restore(Duration deadline) {
    try {
      if (!gate.places().tryAcquire(deadline.toNanos(), TimeUnit.NANOSECONDS)) {
        throw new PodflareException(
            ErrorCode.HOST_FULL, "too many sandboxes are being made; none was free in " + deadline);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "interrupted", e);
    }
    try {
      return GuestMachine.restore(shape, takeBlank(), ids.sandbox(), guestDeadline);
    } finally {
      gate.places().release();
    }
  }

  /** A template that was built anew closes the pool of its old build. */
  private void checkOpen() {
    if (closed) {
      throw new PodflareException(
          ErrorCode.SHAPE_PREPARING, "template of " + shape.frozen().key() + " was built anew");
    }
  }

  private Machine takeBlank() {
    List<Machine> one = takeBlanks(1);
    return one.isEmpty() ? startBlank() : one.getFirst();
  }

  /** Blanks that are ready, so many or fewer. */
  List<Machine> takeBlanks(int count) {
    List<Machine> taken = new ArrayList<>();
    lock.lock();
    try {
      checkOpen();
      while (taken.size() < count && !blanks.isEmpty()) {
        Machine blank = blanks.removeFirst();
        if (blank.state() == MachineState.BLANK) {
          taken.add(blank);
        }
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    return taken;
  }

  /** A blank that was not used after all. */
  void giveBack(Machine blank) {
    keep(blank, blank, () -> blanks.addFirst(blank));
  }

  private Machine startBlank() {
    return starter.start(shape);
  }

  /** A machine of ours ended by itself. */
  void discard(Machine machine) {
    machine.kill(); // first: the filler, who may be about to put it here, finds it ended
    lock.lock();
    try {
      blanks.remove(machine);
      warm.removeIf(member -> member.machine() == machine);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  CapacityView.Pool view() {
    lock.lock();
    try {
      return new CapacityView.Pool(warm.size(), wanted.warm(), blanks.size());
    } finally {
      lock.unlock();
    }
  }

  private void fillForEver() {
    Duration retry = RETRY;
    while (true) {
      try {
        if (!awaitWork()) {
          return;
        }
        fillOne();
        retry = RETRY;
      } catch (RuntimeException e) {
        if (isClosed()) {
          return;
        }
        LOG.warn("cannot fill the pool of {}: {}", shape.frozen().key(), e.toString());
        sleep(retry);
        Duration doubled = retry.multipliedBy(2);
        retry = doubled.compareTo(LONGEST_RETRY) < 0 ? doubled : LONGEST_RETRY;
      }
    }
  }

  private boolean isClosed() {
    lock.lock();
    try {
      return closed;
    } finally {
      lock.unlock();
    }
  }

  /** Whether there is more to do; false when the pool is closed. */
  private boolean awaitWork() {
    lock.lock();
    try {
      turn.made();
      while (!closed && (full() || turn.givesWay(warm.size(), blanks.size()))) {
        boolean wasFull = full();
        // Woken by who takes something; looks again now and then for callers that have gone.
        boolean woken = changed.await(wasFull ? 5000 : 50, TimeUnit.MILLISECONDS);
        LOG.trace("pool looks again, woken: {}", woken);
        if (wasFull) {
          turn.wasFull();
        }
      }
      return !closed;
    } catch (InterruptedException e) {
      return false;
    } finally {
      lock.unlock();
    }
  }

  private boolean full() {
    return turn.full(warm.size(), blanks.size());
  }

  private void fillOne() {
    if (needsWarm()) {
      GuestMachine member = GuestMachine.restore(shape, takeBlank(), ids.sandbox(), guestDeadline);
      try {
        member.warm(guestDeadline);
        member.setNetwork(GuestAccess.OPEN); // what most sandboxes have
        member.sleep();
      } catch (RuntimeException e) {
        member.close();
        throw e;
      }
      keep(member.machine(), member, () -> warm.addLast(member));
    } else {
      Machine blank = startBlank();
      keep(blank, blank, () -> blanks.addLast(blank));
    }
  }

  private boolean needsWarm() {
    lock.lock();
    try {
      return warm.size() < wanted.warm();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Unless it has ended: then nobody would take it away, and it would pass for one that is ready.
   */
  private void keep(Machine machine, AutoCloseable made, Runnable put) {
    lock.lock();
    try {
      if (!closed && machine.isAlive()) {
        put.run();
        return;
      }
    } finally {
      lock.unlock();
    }
    closeQuietly(made);
  }

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
      filler.interrupt();
      if (!filler.join(guestDeadline)) {
        LOG.warn("the filler of {} does not end", shape.frozen().key());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    leftover().forEach(ShapePool::closeQuietly);
  }

  private List<AutoCloseable> leftover() {
    lock.lock();
    try {
      List<AutoCloseable> all = new ArrayList<>(warm);
      all.addAll(blanks);
      warm.clear();
      blanks.clear();
      return all;
    } finally {
      lock.unlock();
    }
  }

  private static void closeQuietly(AutoCloseable made) {
    try {
      made.close();
    } catch (Exception e) {
      LOG.warn("while closing a pool: {}", e.toString());
    }
  }

  private static void sleep(Duration time) {
    try {
      Thread.sleep(time);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
