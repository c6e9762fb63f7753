package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.Ids;
import dev.podflare.common.PodflareException;
import dev.podflare.store.Origin;
import dev.podflare.store.SandboxRecord;
import dev.podflare.store.SavedMachine;
import dev.podflare.store.SavedMachine.Kind;
import dev.podflare.store.SavedMachines;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sandboxes that are frozen into the checkpoint store, and come back. A freeze first makes the
 * checkpoint durable, then says so in the records, then ends the machine; a thaw first has a
 * machine that runs, then uses the Space up. So at each moment one of them has the whole state, and
 * a failure leaves the one that had it. Thread-safe.
 */
final class Spaces {
  private static final Logger LOG = LoggerFactory.getLogger(Spaces.class);
  private static final Duration RETRY = Duration.ofSeconds(30);

  private final SavedMachines saved;
  private final Sandboxes sandboxes;
  private final MachineSaver saver;
  private final Thaws thaws;
  private final Ids ids;
  private final Clock clock;
  private final Duration patience;
  private final StripedLocks waking = new StripedLocks();
  private final Map<String, Instant> failed = new ConcurrentHashMap<>();

  /** {@code patience}: how long a fork that is under way is waited for. */
  Spaces(SavedMachines saved, Forks.Host host, MachineSaver saver, Thaws thaws, Duration patience) {
    this.saved = saved;
    this.sandboxes = host.sandboxes();
    this.saver = saver;
    this.thaws = thaws;
    this.ids = host.ids();
    this.clock = host.clock();
    this.patience = patience;
  }

  /** Ends the machine once the sandbox is safe in the store; if that fails it goes on as it was. */
  SavedMachine freeze(Caller caller, String id) {
    Optional<SavedMachine> already = ofFrozen(caller, id);
    if (already.isPresent()) {
      return already.get();
    }
    Sandbox sandbox = sandboxes.findAndLock(caller, id, patience);
    try {
      return freezeLocked(sandbox, "requested");
    } catch (PodflareException e) {
      if (sandbox.state() == SandboxState.CLOSED) {
        sandboxes.find(caller, id); // says why it is gone
      }
      throw e;
    } finally {
      sandbox.unlockFamily();
    }
  }

  /** {@code reason}: as its event says it. */
  private SavedMachine freezeLocked(Sandbox sandbox, String reason) {
    boolean ran = sandbox.state() == SandboxState.READY;
    if (ran) {
      sandbox.pause();
    }
    try {
      SavedMachine space = store(sandbox);
      commit(sandbox, space, reason);
      sandboxes.retire(sandbox);
      LOG.info(
          "{} frozen into {}: {} bytes, {} stored",
          space.sandboxId(),
          space.id(),
          space.ownBytes(),
          space.storedBytes());
      return space;
    } catch (RuntimeException e) {
      if (ran && sandbox.state() == SandboxState.PAUSED) {
        sandbox.resume();
      }
      throw e;
    }
  }

  private SavedMachine store(Sandbox sandbox) {
    try (MachineSaver.Captured captured = saver.capture(sandbox, new Laps())) {
      return saver.store(
          captured,
          new MachineSaver.Wish(ids.space(), Kind.SPACE, Optional.empty(), Optional.empty()));
    }
  }

  /** An answer that was lost on its way does not make a change undone. */
  private void commit(Sandbox sandbox, SavedMachine space, String reason) {
    boolean live;
    try {
      live = saved.freeze(space, reason);
    } catch (PodflareException e) {
      live = saved.find(space.id()).isPresent();
      if (!live) {
        throw e;
      }
    }
    if (!live) {
      throw new PodflareException(
          ErrorCode.GONE, "sandbox " + sandbox.record().id() + " was closed just now");
    }
  }

  /**
   * One whose time is over; it stays as it is if the store does not take it, and is tried again.
   */
  void freezeDue(Sandbox sandbox, CloseReason why) {
    String id = sandbox.record().id();
    Instant last = failed.get(id);
    if (last != null && clock.instant().isBefore(last.plus(RETRY))) {
      return;
    }
    sandbox.lockFamily(patience);
    try {
      if (sandbox.is(id) && sandbox.due(clock.instant()).isPresent()) {
        freezeLocked(sandbox, why.wireName());
      }
      failed.remove(id);
    } catch (PodflareException e) {
      failed.put(id, clock.instant());
      LOG.warn("{} ({}) cannot be frozen and stays as it is: {}", id, why.wireName(), e.sentence());
    } finally {
      sandbox.unlockFamily();
    }
  }

  /** Those that are to outlive their host's shutdown, side by side; others are left as they are. */
  void freezeAll() {
    try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
      for (Sandbox sandbox : sandboxes.all()) {
        if (sandbox.record().persistent()) {
          executor.execute(() -> freezeOrSay(sandbox));
        }
      }
    }
  }

  private void freezeOrSay(Sandbox sandbox) {
    try {
      sandbox.lockFamily(patience);
      try {
        if (sandbox.state() != SandboxState.CLOSED) {
          freezeLocked(sandbox, CloseReason.HOST_SHUTDOWN.wireName());
        }
      } finally {
        sandbox.unlockFamily();
      }
    } catch (PodflareException e) {
      LOG.warn("{} is lost: {}", sandbox.record().id(), e.sentence());
    }
  }

  /** The sandbox, with a machine: a frozen one is woken if it was made so. */
  Sandbox present(Caller caller, String id) {
    Optional<SavedMachine> space = sandboxes.isLive(id) ? Optional.empty() : ofFrozen(caller, id);
    if (space.isEmpty()) {
      return sandboxes.find(caller, id);
    }
    if (!space.get().autoResume()) {
      throw WrongState.of(id, SandboxState.FROZEN, SandboxState.READY);
    }
    return wake(caller, id);
  }

  /** Thaws a frozen sandbox under its own id; one that has a machine is left as it is. */
  Sandbox wake(Caller caller, String id) {
    ReentrantLock turn = waking.lock(id, patience);
    try {
      Optional<SavedMachine> space = sandboxes.isLive(id) ? Optional.empty() : ofFrozen(caller, id);
      return space.isPresent() ? wake(caller, space.get()) : sandboxes.find(caller, id);
    } finally {
      turn.unlock();
    }
  }

  private Sandbox wake(Caller caller, SavedMachine space) {
    SandboxRecord frozen = sandboxes.record(space.sandboxId()).orElseThrow(() -> none(space.id()));
    Duration left = space.timeLeft().isZero() ? frozen.timeout() : space.timeLeft();
    Instant expires = clock.instant().plus(left);
    Laps laps = new Laps();
    Admission.Place place = thaws.admit(caller, space);
    try {
      Thaws.Wish wish =
          new Thaws.Wish(space, frozen.withState(SandboxState.READY.wireName(), expires), true);
      Sandbox sandbox =
          thaws.thaw(
              wish,
              place,
              laps,
              fresh -> {
                if (!saved.wake(space, expires)) {
                  throw none(space.id());
                }
                sandboxes.add(fresh);
              });
      LOG.info("{} woken: {} ms", space.sandboxId(), laps.milliseconds());
      return checked(sandbox);
    } catch (RuntimeException e) {
      place.release();
      throw e;
    }
  }

  /** Goes on with a Space as a new sandbox. */
  CreatedSandbox resume(Caller caller, String spaceId, ResumeRequest request) {
    String frozenId = find(caller, spaceId).sandboxId();
    ReentrantLock turn = waking.lock(frozenId, patience);
    try {
      return resumeLocked(caller, find(caller, spaceId), request);
    } finally {
      turn.unlock();
    }
  }

  private CreatedSandbox resumeLocked(Caller caller, SavedMachine space, ResumeRequest request) {
    Laps laps = new Laps();
    SandboxRecord record = thaws.record(ids.sandbox(), space, request);
    Admission.Place place = thaws.admit(caller, space);
    try {
      Sandbox sandbox =
          thaws.thaw(
              new Thaws.Wish(space, record, !request.keep()),
              place,
              laps,
              fresh -> {
                if (!use(space, record, request.keep())) {
                  throw none(space.id());
                }
                sandboxes.add(fresh);
              });
      return new CreatedSandbox(checked(sandbox).view(), "restore", laps.milliseconds());
    } catch (RuntimeException e) {
      place.release();
      throw e;
    }
  }

  private boolean use(SavedMachine space, SandboxRecord record, boolean keep) {
    if (keep) {
      sandboxes.insert(record, Origin.space(space.id()));
      return true;
    }
    return saved.moveTo(
        space, record, CloseReason.RESUMED.wireName(), "its Space was resumed as " + record.id());
  }

  /** A guest can end in the very moment in which it is handed over. */
  private Sandbox checked(Sandbox sandbox) {
    if (!sandbox.guest().alive()) {
      sandboxes.close(sandbox, CloseReason.GUEST_CRASHED);
      throw new PodflareException(
          ErrorCode.MACHINE_FAILED, "the guest ended while it was handed over");
    }
    return sandbox;
  }

  SavedMachine find(Caller caller, String spaceId) {
    return saved
        .find(spaceId)
        .filter(space -> space.kind() == Kind.SPACE && mayUse(caller, space))
        .orElseThrow(() -> none(spaceId));
  }

  /** The Space that a sandbox of the caller's is frozen in. */
  Optional<SavedMachine> ofFrozen(Caller caller, String sandboxId) {
    return Ids.wellFormed("sbx", sandboxId)
        ? saved.ofFrozen(sandboxId).filter(space -> mayUse(caller, space))
        : Optional.empty();
  }

  Stream<SavedMachine> list(Caller caller) {
    return saved
        .list(Kind.SPACE, caller.admin() ? Optional.empty() : Optional.of(caller.keyId()))
        .stream();
  }

  /** The sandbox goes with it. One that is not there is no error. */
  void delete(Caller caller, String spaceId) {
    Optional<SavedMachine> space =
        saved.find(spaceId).filter(it -> it.kind() == Kind.SPACE && mayUse(caller, it));
    if (space.isEmpty()) {
      return;
    }
    ReentrantLock turn = waking.lock(space.get().sandboxId(), patience);
    try {
      remove(space.get(), CloseReason.DELETED);
    } finally {
      turn.unlock();
    }
  }

  /** Whether a sandbox was frozen, and is gone now. */
  boolean deleteOf(Caller caller, String sandboxId) {
    Optional<SavedMachine> space = ofFrozen(caller, sandboxId);
    space.ifPresent(it -> delete(caller, it.id()));
    return space.isPresent();
  }

  /** Removes those whose time is over. */
  void expire() {
    failed.keySet().removeIf(id -> !sandboxes.isLive(id));
    for (SavedMachine over : saved.expired(clock.instant())) {
      remove(over, CloseReason.TIMEOUT);
    }
  }

  private void remove(SavedMachine gone, CloseReason reason) {
    saved.delete(gone, reason.wireName(), reason.sentence(), clock.instant());
  }

  private static boolean mayUse(Caller caller, SavedMachine space) {
    return caller.admin() || caller.keyId().equals(space.keyId());
  }

  private static PodflareException none(String id) {
    return new PodflareException(
        ErrorCode.SPACE_NOT_FOUND, "no Space " + id, Map.of("space_id", id));
  }

  /** For lists. */
  static List<SavedView> views(Stream<SavedMachine> machines) {
    return machines.map(SavedView::of).toList();
  }
}
