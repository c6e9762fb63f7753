package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.qemu.Checkpoint;
import dev.podflare.qemu.HistoryStep;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The moments before a sandbox's last calls, which an undo takes it back to. Each is taken when its
 * call is about to be sent, and is on this host's disk before the call is sent: so the n-th newest
 * is the moment before the last n calls, also for a later daemon. Where one cannot be taken the
 * call goes on, and those of before are dropped: there is no wrong moment, only none.
 *
 * <p>The files are the kernel's to write back: they take no memory that the host could not have
 * back. What they take of the disk is bounded, and the oldest moment goes first. Thread-safe; the
 * lock of the guest comes before its own.
 */
final class UndoRing {
  private static final Logger LOG = LoggerFactory.getLogger(UndoRing.class);

  private final UndoFiles files;
  private final GuestMachine guest;
  private final EngineConfig.Limits limits;
  private final int keep;
  private final ReentrantLock lock = new ReentrantLock();
  private boolean closed;

  /** Goes on with what an earlier daemon has kept of this machine, if there is anything. */
  UndoRing(EngineConfig config, GuestMachine guest, int keep) {
    this.guest = guest;
    this.limits = config.limits();
    this.keep = keep;
    this.files = new UndoFiles(config.dataFolder(), guest);
  }

  /** How many calls can be taken back at most. */
  int keep() {
    return keep;
  }

  /** How many can be taken back now. */
  int available() {
    return Math.min(keep, files.count());
  }

  /** Sends a call to the guest, after its moment was kept. */
  <T> T before(String call, Supplier<T> send) {
    return guest.whileNotHeld(() -> {
      lock.lock();
      try {
        keepMoment(call);
      } finally {
        lock.unlock();
      }
      T sent = send.get();
      tidy();
      return sent;
    });
  }

  private void keepMoment(String call) {
    if (closed) {
      return;
    }
    try {
      makeRoom();
      take(call);
    } catch (IOException | RuntimeException e) {
      lose(e); // not for want of a moment should a call fail
    }
  }

  private void lose(Exception cause) {
    LOG.warn("{}: calls so far cannot be undone: {}", guest.sandboxId(), cause.toString());
    files.clear();
  }

  private void take(String call) throws IOException {
    Path draft = files.draft();
    try (GuestMachine.Step step = guest.freezeInto(files.history(), draft)) {
      HistoryStep machine = step.machine();
      long kept = machine.keep(draft, files.beforeOfNewest());
      List<String> layers =
          machine.layers().stream().map(it -> it.getFileName().toString()).toList();
      files.add(
          draft,
          new UndoMoment(
              UndoMoment.FORMAT, call, step.epoch(), layers, kept, step.calls(), step.terminals()));
    }
  }

  /** Throws {@code HOST_FULL} if there is none without the oldest moments, and none with them. */
  private void makeRoom() throws IOException {
    while (files.count() > 1 && files.bytes() > limits.undoDisk().bytes()) {
      files.dropOldest();
    }
    while (files.freeBytes() < limits.diskReserve().bytes()) {
      if (files.count() == 0) {
        throw new PodflareException(ErrorCode.HOST_FULL, "the disk of the data folder is full");
      }
      files.dropOldest();
    }
  }

  /** After the call was sent, since nobody needs to wait for it. */
  private void tidy() {
    lock.lock();
    try {
      while (files.count() > keep) {
        files.dropOldest();
      }
    } catch (IOException e) {
      LOG.warn("{}: an old moment was not removed: {}", guest.sandboxId(), e.toString());
    } finally {
      lock.unlock();
    }
    guest.foldSoon();
  }

  /**
   * A moment that can be restored; it stays as it is whatever the ring does.
   *
   * @param number of its folder
   */
  record Picked(long number, UndoMoment moment, Checkpoint checkpoint) implements AutoCloseable {
    @Override
    public void close() {
      checkpoint.close();
    }
  }

  /**
   * The moment before the last {@code calls}.
   *
   * @param layerFolder gets its disk layers
   */
  Picked pick(int calls, Path layerFolder) {
    lock.lock();
    try {
      if (calls > available()) {
        throw refused(available(), keep);
      }
      return files.read(calls, layerFolder);
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "a moment cannot be read: " + e, e);
    } finally {
      lock.unlock();
    }
  }

  /** Says how many calls could be taken back. */
  static PodflareException refused(int available, int keep) {
    String sentence =
        keep == 0
            ? "this sandbox keeps nothing for an undo; create it with \"undo\": the number of calls"
            : "only the last " + available + " calls can be undone; it keeps " + keep + " at most";
    return new PodflareException(
        ErrorCode.NOTHING_TO_UNDO, sentence, Map.of("available", available, "keep", keep));
  }

  /**
   * The sandbox goes on with this machine, at the moment {@code number} of {@code other}: what is
   * older than that can be undone further. If it cannot be had, nothing can.
   */
  void goOnFrom(UndoRing other, long number) {
    other.lock.lock();
    try {
      other.closed = true;
      files.goOnFrom(other.files, number);
    } catch (IOException | RuntimeException e) {
      lose(e);
    } finally {
      other.lock.unlock();
    }
  }

  /** Its machine ends. */
  void close() {
    lock.lock();
    try {
      closed = true;
      files.clear();
    } finally {
      lock.unlock();
    }
  }

  /** Another daemon goes on with it. */
  void leave() {
    lock.lock();
    try {
      closed = true;
      files.close();
    } finally {
      lock.unlock();
    }
  }
}
