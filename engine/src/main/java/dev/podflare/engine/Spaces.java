package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.Ids;
import dev.podflare.common.PodflareException;
import dev.podflare.common.SteadyClock;
import dev.podflare.store.Origin;
import dev.podflare.store.SandboxRecord;
import dev.podflare.store.SavedMachine;
import dev.podflare.store.SavedMachine.Kind;
import dev.podflare.store.SavedMachines;
import dev.podflare.store.Store;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sandboxes that are frozen into the checkpoint store, and come back. A freeze first makes the
 * checkpoint durable, then says so in the records, then ends the machine, which a caller does not
 * wait for; a thaw first has a machine that runs, then uses the Space up. So at each moment one of
 * them has the whole state, and a failure leaves the one that had it. Thread-safe.
 */
final class Spaces {
  private static final Logger LOG = LoggerFactory.getLogger(Spaces.class);
  private static final Duration RETRY = Duration.ofSeconds(30);

  /** Why a paused one is frozen, for its event. */
  private static final String MEMORY = "memory_pressure";

  private final SavedMachines saved;
  private final StoredQuota quota;
  private final Sandboxes sandboxes;
  private final MachineSaver saver;
  private final Thaws thaws;
  private final Ids ids;
  private final SteadyClock clock;
  private final Duration patience;
  private final StripedLocks waking = new StripedLocks();
  private final Map<String, Long> failed = new ConcurrentHashMap<>();

  /** {@code patience}: how long a fork that is under way is waited for. */
  Spaces(Store store, Forks.Host host, MachineSaver saver, Thaws thaws, Duration patience) {
    this.saved = store.saved();
    this.quota = new StoredQuota(saved, store.keys());
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
    return sandboxes.exclusively(
        caller,
        id,
        sandbox -> {
          quota.require(sandbox.record().keyId());
          return freezeLocked(sandbox, "requested", sandboxes::retireSoon);
        });
  }

  /**
   * {@code reason}: as its event says it; {@code end}: ends the machine, which nobody needs any
   * more.
   */
  private SavedMachine freezeLocked(Sandbox sandbox, String reason, Consumer<Sandbox> end) {
    Laps laps = new Laps();
    boolean ran = sandbox.state() == SandboxState.READY;
    if (ran) {
      sandbox.pause();
    }
    laps.lap("pause");
    try {
      SavedMachine space = store(sandbox, laps);
      commit(sandbox, space, reason);
      laps.lap("record");
      end.accept(sandbox);
      laps.lap("end");
      LOG.info(
          "{} frozen into {}: {} bytes, {} stored, {} ms",
          space.sandboxId(),
          space.id(),
          space.ownBytes(),
          space.storedBytes(),
          laps.milliseconds());
      return space;
    } catch (RuntimeException e) {
      if (ran && sandbox.state() == SandboxState.PAUSED) {
        sandbox.resume();
      }
      throw e;
    }
  }

  private SavedMachine store(Sandbox sandbox, Laps laps) {
    try (MachineSaver.Captured captured = saver.captureStanding(sandbox, laps)) {
      SavedMachine space =
          saver.store(
              captured,
              new MachineSaver.Wish(ids.space(), Kind.SPACE, Optional.empty(), Optional.empty()));
      laps.lap("store");
      return space;
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
    if (mayTry(id)) {
      attempt(
          id,
          () -> {
            quota.require(sandbox.record().keyId());
            freezeIf(
                sandbox,
                why.wireName(),
                () -> sandbox.is(id) && sandbox.due(clock.instant()).isPresent());
          });
    }
  }

  /**
   * Puts paused sandboxes into the store, those that have been paused for longest first, while
   * memory is short. They are frozen then; a resume wakes them all the same.
   */
  void relieve(BooleanSupplier memoryIsShort) {
    List<Sandbox> paused =
        sandboxes.all().stream()
            .filter(sandbox -> sandbox.state() == SandboxState.PAUSED)
            .sorted(Comparator.comparing(Sandbox::pausedAt))
            .toList();
    for (Sandbox sandbox : paused) {
      if (!memoryIsShort.getAsBoolean()) {
        return;
      }
      String id = sandbox.record().id();
      if (mayTry(id)) {
        attempt(id, () -> freezeIf(sandbox, MEMORY, () -> sandbox.state() == SandboxState.PAUSED));
      }
    }
  }

  /** Not again so soon after the store did not take it. */
  private boolean mayTry(String id) {
    Long last = failed.get(id);
    return last == null || System.nanoTime() - last >= RETRY.toNanos();
  }

  private void attempt(String id, Runnable freezing) {
    try {
      freezing.run();
      failed.remove(id);
    } catch (PodflareException e) {
      failed.put(id, System.nanoTime());
      LOG.warn("{} cannot be frozen and stays as it is: {}", id, e.sentence());
    }
  }

  /** {@code wanted}: whether that is still to be done, once nobody else is at it. */
  private void freezeIf(Sandbox sandbox, String reason, BooleanSupplier wanted) {
    sandbox.lockFamily(patience);
    try {
      if (wanted.getAsBoolean()) {
        freezeLocked(sandbox, reason, sandboxes::retire);
      }
    } finally {
      sandbox.unlockFamily();
    }
  }

  /**
   * One whose guest has crashed goes back to what it was when it was last frozen, if it was; else
   * it is closed.
   */
  void crashed(Sandbox sandbox) {
    // Several may have noticed it; for the second the record means another machine already.
    sandbox.ifOpen(() -> {
      String id = sandbox.record().id();
      if (sandbox.record().persistent()
          && saved.fallBack(id, CloseReason.GUEST_CRASHED.wireName())) {
        sandboxes.retire(sandbox);
        LOG.warn("{}: its guest crashed; it is what it was when it was last frozen", id);
      } else {
        sandboxes.close(sandbox, CloseReason.GUEST_CRASHED);
      }
    });
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
      freezeIf(
          sandbox,
          CloseReason.HOST_SHUTDOWN.wireName(),
          () -> sandbox.state() != SandboxState.CLOSED);
    } catch (PodflareException e) {
      LOG.warn("{} is lost: {}", sandbox.record().id(), e.sentence());
    }
  }

  /** The sandbox, with a machine: a frozen one is woken if it was made so. */
  Sandbox present(Caller caller, String id) {
    Optional<SandboxRecord> frozen = sandboxes.frozen(caller, id);
    if (frozen.isEmpty()) {
      return sandboxes.find(caller, id);
    }
    if (!frozen.get().autoResume()) {
      throw WrongState.of(id, SandboxState.FROZEN, SandboxState.READY);
    }
    return wake(caller, id);
  }

  /** Thaws a frozen sandbox under its own id; one that has a machine is left as it is. */
  Sandbox wake(Caller caller, String id) {
    ReentrantLock turn = waking.lock(id, patience);
    try {
      Optional<SandboxRecord> frozen = sandboxes.frozen(caller, id);
      return frozen.isPresent() ? wake(caller, frozen.get()) : sandboxes.find(caller, id);
    } catch (PodflareException e) {
      if (e.code() == ErrorCode.SPACE_NOT_FOUND) {
        return sandboxes.find(caller, id); // another node was faster: says which
      }
      throw e;
    } finally {
      turn.unlock();
    }
  }

  private Sandbox wake(Caller caller, SandboxRecord frozen) {
    SavedMachine space = saved.ofFrozen(frozen.id()).orElseThrow(() -> none(frozen.id()));
    Duration left = space.timeLeft().isZero() ? frozen.timeout() : space.timeLeft();
    Instant expires = clock.instant().plus(left);
    Laps laps = new Laps();
    Sandbox sandbox =
        thaws.make(
            caller,
            new Thaws.Wish(space, frozen.withState(SandboxState.READY.wireName(), expires), true),
            laps,
            () -> requireUsed(space, saved.wake(space, expires)));
    LOG.info("{} woken: {} ms", space.sandboxId(), laps.milliseconds());
    return sandbox;
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
    SandboxRecord record = current(thaws.record(ids.sandbox(), space, request), space, request);
    Sandbox sandbox =
        thaws.make(
            caller,
            new Thaws.Wish(space, record, !request.keep()),
            laps,
            () -> requireUsed(space, use(space, record, request.keep())));
    return new CreatedSandbox(sandbox.view(), "restore", laps.milliseconds());
  }

  /**
   * What it may reach and use is what its frozen sandbox's own record says: that one may have gone
   * on since the Space was taken, and have been refused something.
   */
  private SandboxRecord current(SandboxRecord made, SavedMachine space, ResumeRequest request) {
    return sandboxes
        .record(space.sandboxId())
        .map(row ->
            (request.network().isPresent() ? made : made.withNetwork(row.network()))
                .withSecrets(row.secrets()))
        .orElse(made);
  }

  /**
   * Changes the secrets of a sandbox that is frozen, and leaves it so.
   *
   * @return false if it is not frozen
   */
  boolean changeSecrets(Caller caller, String id, UnaryOperator<String> change) {
    if (sandboxes.frozen(caller, id).isEmpty()) {
      return false;
    }
    ReentrantLock turn = waking.lock(id, patience);
    try {
      return sandboxes
          .frozen(caller, id)
          .map(it -> sandboxes.changeFrozen(it.withSecrets(change.apply(it.secrets()))))
          .orElse(false);
    } finally {
      turn.unlock();
    }
  }

  /** Somebody else may have deleted the Space while it was thawed. */
  private static void requireUsed(SavedMachine space, boolean used) {
    if (!used) {
      throw none(space.id());
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

  SavedMachine find(Caller caller, String spaceId) {
    return own(caller, spaceId).orElseThrow(() -> none(spaceId));
  }

  private Optional<SavedMachine> own(Caller caller, String spaceId) {
    return saved.find(spaceId).filter(it -> it.kind() == Kind.SPACE && caller.mayUse(it.keyId()));
  }

  /** The Space that a sandbox of the caller's is frozen in. */
  private Optional<SavedMachine> ofFrozen(Caller caller, String sandboxId) {
    return sandboxes.frozen(caller, sandboxId).flatMap(it -> saved.ofFrozen(it.id()));
  }

  List<SavedMachine> list(Caller caller) {
    return saved.list(Kind.SPACE, caller.scope());
  }

  /** The sandbox goes with it. One that is not there is no error. */
  void delete(Caller caller, String spaceId) {
    Optional<SavedMachine> space = own(caller, spaceId);
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
    for (SavedMachine over : saved.expired(clock.earliest())) {
      remove(over, CloseReason.TIMEOUT);
    }
  }

  private void remove(SavedMachine gone, CloseReason reason) {
    saved.delete(gone, reason.wireName(), reason.sentence(), clock.instant());
  }

  private static PodflareException none(String id) {
    return new PodflareException(
        ErrorCode.SPACE_NOT_FOUND, "no Space " + id, Map.of("space_id", id));
  }
}
