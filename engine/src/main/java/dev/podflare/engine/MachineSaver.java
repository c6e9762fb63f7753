package dev.podflare.engine;

import dev.podflare.image.FrozenShape;
import dev.podflare.image.ShapePins;
import dev.podflare.qemu.Hypervisor;
import dev.podflare.store.SandboxRecord;
import dev.podflare.store.SavedMachine;
import dev.podflare.store.SavedMachine.Kind;
import dev.podflare.store.checkpoint.StoredCheckpoint;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Puts the machines of sandboxes into the checkpoint store, and says what a sandbox that is made of
 * it will have. The machine goes on, or stands still as it did. Thread-safe.
 */
final class MachineSaver {
  private final CheckpointVault vault;
  private final Hypervisor hypervisor;
  private final Identity identity;
  private final ShapeSharing sharing;
  private final Clock clock;

  /**
   * Who saves.
   *
   * @param owner names the records that know of the checkpoints
   * @param instance names this daemon's claims on frozen shapes
   */
  record Identity(String owner, String instance) {}

  MachineSaver(
      CheckpointVault vault,
      Hypervisor hypervisor,
      Identity identity,
      ShapeSharing sharing,
      Clock clock) {
    this.sharing = sharing;
    this.vault = vault;
    this.hypervisor = hypervisor;
    this.identity = identity;
    this.clock = clock;
  }

  /** What is to be saved, and as what. */
  record Wish(String id, Kind kind, Optional<String> name, Optional<Instant> expiresAt) {}

  /**
   * A sandbox at one instant; what it ran then is in the needs.
   *
   * @param shape on which its machine stands
   * @param asOf since when its lifetime stands still
   */
  record Captured(
      SandboxRecord record,
      FrozenShape shape,
      Instant asOf,
      GuestMachine.Frozen frozen,
      CheckpointNeeds needs,
      CheckpointFolders.Folder folder)
      implements AutoCloseable {
    @Override
    public void close() {
      frozen.close();
      folder.close();
    }
  }

  /** The family is locked by the caller. The sandbox can go on when it returns. */
  Captured capture(Sandbox sandbox, Laps laps) {
    return capture(sandbox, false, laps);
  }

  /**
   * The same of one that is held, with the family locked, until what is returned is closed: its
   * memory is not copied.
   */
  Captured captureStanding(Sandbox sandbox, Laps laps) {
    return capture(sandbox, true, laps);
  }

  private Captured capture(Sandbox sandbox, boolean standing, Laps laps) {
    CheckpointFolders.Folder folder = vault.folders().create();
    try {
      FrozenShape shape = sandbox.guest().shape().frozen();
      ShapePins.pin(shape, identity.instance());
      GuestMachine.Frozen frozen = sandbox.guest().freezeForStore(folder.path(), standing, laps);
      Instant asOf = sandbox.state() == SandboxState.PAUSED ? sandbox.pausedAt() : clock.instant();
      return new Captured(sandbox.record(), shape, asOf, frozen, needs(shape, frozen), folder);
    } catch (RuntimeException e) {
      folder.close();
      throw e;
    }
  }

  private CheckpointNeeds needs(FrozenShape shape, GuestMachine.Frozen frozen) {
    return new CheckpointNeeds(
        CheckpointNeeds.FORMAT,
        identity.owner(),
        shape.template().name(),
        shape.template().digest(),
        shape.image(),
        shape.shape().vcpus(),
        (int) shape.shape().memory().mebibytes(),
        shape.disk().bytes(),
        hypervisor.fingerprint(),
        hypervisor.qemuVersion(),
        frozen.epoch(),
        IntStream.range(0, frozen.checkpoint().layers().size())
            .mapToObj(CheckpointVault::layer)
            .toList(),
        SavedCall.of(frozen.running(), frozen.processes(), clock.instant()),
        frozen.terminals());
  }

  /** Durable when it returns; nobody knows of it until it is in the records. */
  SavedMachine store(Captured captured, Wish wish) {
    StoredCheckpoint stored = vault.save(captured.frozen().checkpoint(), captured.needs());
    sharing.share(captured.shape()); // after what somebody waits for
    SandboxRecord record = captured.record();
    CheckpointNeeds needs = captured.needs();
    Duration left = Duration.between(captured.asOf(), record.expiresAt());
    return new SavedMachine(
        wish.id(),
        wish.kind(),
        record.keyId(),
        wish.name(),
        record.id(),
        stored.id(),
        needs.template(),
        needs.templateDigest(),
        needs.image(),
        record.vcpus(),
        record.memoryMebibytes(),
        record.diskGibibytes(),
        record.persistent(),
        record.autoResume(),
        record.undo(),
        record.network(),
        record.mounts(),
        record.secrets(),
        record.env(),
        record.metadata(),
        record.timeout(),
        record.idleTimeout(),
        left.isNegative() ? Duration.ZERO : left,
        stored.ownBytes(),
        stored.addedBytes(),
        clock.instant(),
        wish.expiresAt());
  }
}
