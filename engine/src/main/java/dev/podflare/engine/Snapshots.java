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
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
  private final StoredQuota quota;
  private final Events events;
  private final Sandboxes sandboxes;
  private final MachineSaver saver;
  private final Thaws thaws;
  private final Ids ids;
  private final Clock clock;

  Snapshots(Store store, Forks.Host host, MachineSaver saver, Thaws thaws) {
    this.saved = store.saved();
    this.quota = new StoredQuota(saved, store.keys());
    this.events = store.events();
    this.sandboxes = host.sandboxes();
    this.saver = saver;
    this.thaws = thaws;
    this.ids = host.ids();
    this.clock = host.clock();
  }

  /** The sandbox stands still only while its memory is copied, not while that is stored. */
  SavedMachine take(Caller caller, String id, SnapshotRequest request) {
    checkName(request.name());
    request
        .name()
        .filter(name -> named(caller, name).isPresent())
        .ifPresent(name -> {
          throw taken(name); // now, and not after all was stored
        });
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
    return sandboxes.exclusively(
        caller,
        id,
        sandbox -> {
          quota.require(sandbox.record().keyId());
          try {
            return saver.capture(sandbox, new Laps());
          } finally {
            sandbox.touch();
          }
        });
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
    Sandbox sandbox =
        thaws.make(
            caller,
            new Thaws.Wish(from, record, false),
            laps,
            () -> sandboxes.insert(record, Origin.snapshot(from.id())));
    return new CreatedSandbox(sandbox.view(), "snapshot", laps.milliseconds());
  }

  /**
   * The sandbox goes on where the snapshot was taken, of it or of a relative: with its id,
   * deadlines, metadata and network policy, but with the machine of then. Its calls end.
   */
  Sandbox rollBack(Caller caller, String id, String snapshot) {
    SavedMachine to = find(caller, snapshot);
    return sandboxes.exclusively(
        caller,
        id,
        sandbox -> {
          sandbox.requireState(SandboxState.READY);
          requireFit(sandbox, to);
          return rollBackLocked(sandbox, to);
        });
  }

  private static void requireFit(Sandbox sandbox, SavedMachine to) {
    if (sandbox.record().memoryMebibytes() != to.memoryMebibytes()
        || !sandbox.record().keyId().equals(to.keyId())) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD,
          to.id() + " is of a sandbox with another size or owner; create a sandbox from it",
          Map.of("field", "snapshot"));
    }
    // They are part of the machine's memory, and what it may use is by the sandbox's record.
    if (!sandbox.record().mounts().equals(to.mounts())) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD,
          to.id() + " is of a sandbox with other volumes; create a sandbox from it",
          Map.of("field", "snapshot"));
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
    return own(caller, idOrName)
        .orElseThrow(() ->
            new PodflareException(
                ErrorCode.SNAPSHOT_NOT_FOUND,
                "no snapshot " + idOrName,
                Map.of("snapshot", idOrName)));
  }

  List<SavedMachine> list(Caller caller) {
    return saved.list(Kind.SNAPSHOT, caller.scope());
  }

  /** By id or name, as {@link #find}; one that is not there is no error. */
  void delete(Caller caller, String idOrName) {
    own(caller, idOrName)
        .ifPresent(it -> saved.delete(it, CloseReason.DELETED.wireName(), "", clock.instant()));
  }

  private Optional<SavedMachine> own(Caller caller, String idOrName) {
    return saved
        .find(idOrName)
        .filter(it -> it.kind() == Kind.SNAPSHOT && caller.mayUse(it.keyId()))
        .or(() -> named(caller, idOrName));
  }

  private Optional<SavedMachine> named(Caller caller, String name) {
    return list(caller).stream()
        .filter(it -> it.keyId().equals(caller.keyId()))
        .filter(it -> it.name().filter(name::equals).isPresent())
        .findFirst();
  }
}
