package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.Ids;
import dev.podflare.common.PodflareException;
import dev.podflare.store.Events;
import dev.podflare.store.Origin;
import dev.podflare.store.SandboxRecord;
import dev.podflare.store.SavedMachine;
import dev.podflare.store.SavedMachine.Kind;
import dev.podflare.store.SavedMachines;
import dev.podflare.store.Store;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Checkpoints of sandboxes that go on, restorable any number of times: to new sandboxes, or under
 * the id of one that is rolled back. Thread-safe.
 */
final class Snapshots {
  private static final Logger LOG = LoggerFactory.getLogger(Snapshots.class);
  private static final int LONGEST_NAME = 128;

  private final SavedMachines saved;
  private final Events events;
  private final Sandboxes sandboxes;
  private final MachineSaver saver;
  private final Thaws thaws;
  private final Ids ids;
  private final Clock clock;
  private final Duration patience;

  /** {@code patience}: how long a fork that is under way is waited for. */
  Snapshots(Store store, Forks.Host host, MachineSaver saver, Thaws thaws, Duration patience) {
    this.saved = store.saved();
    this.events = store.events();
    this.sandboxes = host.sandboxes();
    this.saver = saver;
    this.thaws = thaws;
    this.ids = host.ids();
    this.clock = host.clock();
    this.patience = patience;
  }

  /** The sandbox stands still only while its memory is copied, not while that is stored. */
  SavedMachine take(Caller caller, String id, SnapshotRequest request) {
    checkName(request.name());
    try (MachineSaver.Captured captured = capture(caller, id)) {
      Optional<Instant> expires = request.life().map(clock.instant()::plus);
      SavedMachine snapshot =
          saver.store(
              captured,
              new MachineSaver.Wish(ids.snapshot(), Kind.SNAPSHOT, request.name(), expires));
      if (!saved.insert(snapshot)) {
        throw taken(request.name().orElse(""));
      }
      LOG.info(
          "{} of {}: {} bytes, {} stored",
          snapshot.id(),
          id,
          snapshot.ownBytes(),
          snapshot.storedBytes());
      return snapshot;
    }
  }

  private MachineSaver.Captured capture(Caller caller, String id) {
    Sandbox sandbox = sandboxes.findAndLock(caller, id, patience);
    try {
      return saver.capture(sandbox, new Laps());
    } catch (PodflareException e) {
      if (sandbox.state() == SandboxState.CLOSED) {
        sandboxes.find(caller, id); // says why it is gone
      }
      throw e;
    } finally {
      sandbox.touch();
      sandbox.unlockFamily();
    }
  }

  private static void checkName(Optional<String> name) {
    if (name.filter(it -> it.isBlank() || it.length() > LONGEST_NAME || it.startsWith("snp_"))
        .isPresent()) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD,
          "name must have 1 to " + LONGEST_NAME + " characters and not look like an id",
          Map.of("field", "name"));
    }
  }

  private static PodflareException taken(String name) {
    return new PodflareException(
        ErrorCode.SNAPSHOT_EXISTS,
        "there is a snapshot '" + name + "' already; delete it, or choose another name",
        Map.of("name", name));
  }

  /** A new sandbox that goes on where the snapshot was taken. */
  CreatedSandbox create(Caller caller, String snapshot, ResumeRequest request) {
    Laps laps = new Laps();
    SavedMachine from = find(caller, snapshot);
    SandboxRecord record = thaws.record(ids.sandbox(), from, request);
    Admission.Place place = thaws.admit(caller, from);
    try {
      Sandbox sandbox =
          thaws.thaw(
              new Thaws.Wish(from, record, false),
              place,
              laps,
              fresh -> {
                sandboxes.insert(record, Origin.snapshot(from.id()));
                sandboxes.add(fresh);
              });
      return new CreatedSandbox(sandbox.view(), "snapshot", laps.milliseconds());
    } catch (RuntimeException e) {
      place.release();
      throw e;
    }
  }

  /**
   * The sandbox goes on where the snapshot was taken, of it or of a relative: with its id,
   * deadlines, metadata and network policy, but with the machine of then. Its calls end.
   */
  Sandbox rollBack(Caller caller, String id, String snapshot) {
    SavedMachine to = find(caller, snapshot);
    Sandbox sandbox = sandboxes.findAndLock(caller, id, patience);
    try {
      sandbox.requireState(SandboxState.READY);
      if (sandbox.record().memoryMebibytes() != to.memoryMebibytes()
          || !sandbox.record().keyId().equals(to.keyId())) {
        throw new PodflareException(
            ErrorCode.INVALID_FIELD,
            snapshot + " is of a sandbox with another size or owner; create a sandbox from it",
            Map.of("field", "snapshot"));
      }
      return rollBackLocked(sandbox, to);
    } finally {
      sandbox.unlockFamily();
    }
  }

  private Sandbox rollBackLocked(Sandbox sandbox, SavedMachine to) {
    String id = sandbox.record().id();
    Laps laps = new Laps();
    Sandbox fresh =
        thaws.thaw(
            new Thaws.Wish(to, sandbox.record(), false),
            sandbox.place(), // it has room for one machine, whichever that is
            laps,
            it -> sandboxes.replaceMachine(sandbox, it, () -> rolledBack(sandbox, to)));
    LOG.info("{} rolled back to {}: {} ms", id, to.id(), laps.milliseconds());
    return fresh;
  }

  private void rolledBack(Sandbox sandbox, SavedMachine to) {
    events.rolledBack(sandbox.record(), to.id());
  }

  /** By id, or by the owner's name for it. */
  SavedMachine find(Caller caller, String idOrName) {
    Optional<SavedMachine> byId = saved.find(idOrName).filter(it -> mayUse(caller, it));
    return byId.or(() ->
            list(caller)
                .filter(it -> it.keyId().equals(caller.keyId()))
                .filter(it -> it.name().filter(idOrName::equals).isPresent())
                .findFirst())
        .orElseThrow(() ->
            new PodflareException(
                ErrorCode.SNAPSHOT_NOT_FOUND,
                "no snapshot " + idOrName,
                Map.of("snapshot", idOrName)));
  }

  Stream<SavedMachine> list(Caller caller) {
    return saved
        .list(Kind.SNAPSHOT, caller.admin() ? Optional.empty() : Optional.of(caller.keyId()))
        .stream();
  }

  /** One that is not there is no error. */
  void delete(Caller caller, String snapshot) {
    saved
        .find(snapshot)
        .filter(it -> mayUse(caller, it))
        .ifPresent(it -> saved.delete(it, CloseReason.DELETED.wireName(), "", clock.instant()));
  }

  private static boolean mayUse(Caller caller, SavedMachine snapshot) {
    return snapshot.kind() == Kind.SNAPSHOT
        && (caller.admin() || caller.keyId().equals(snapshot.keyId()));
  }
}
