package dev.podflare.engine;

import dev.podflare.common.DataSize;
import dev.podflare.store.SandboxRecord;
import dev.podflare.store.SavedMachine;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Makes sandboxes of checkpoints in the store: load, restore into a blank, renew. Each step is
 * undone if a later one fails. Thread-safe.
 */
final class Thaws {
  private final CheckpointVault vault;
  private final Forks.Host host;
  private final EngineConfig config;
  private final Restores restores;

  Thaws(CheckpointVault vault, Forks.Host host, EngineConfig config) {
    this.vault = vault;
    this.host = host;
    this.config = config;
    this.restores = new Restores(host, config);
  }

  /**
   * What is to be made.
   *
   * @param record of the sandbox; it is in no list yet
   * @param calls whether calls that ran when it was frozen go on for their callers
   */
  record Wish(SavedMachine saved, SandboxRecord record, boolean calls) {}

  /**
   * Makes a sandbox for the owner of the saved machine, as any other: with room for it, and listed.
   *
   * @param commit writes its record; if it throws, nothing of it stays
   */
  Sandbox make(Caller caller, Wish wish, Laps laps, Runnable commit) {
    SavedMachine saved = wish.saved();
    Admission.Place place =
        host.admission()
            .admit(
                caller.as(saved.keyId()),
                DataSize.ofMebibytes(saved.memoryMebibytes()),
                1,
                saved.ownBytes())
            .getFirst();
    try {
      Sandbox sandbox =
          thaw(
              wish,
              place,
              laps,
              fresh -> {
                commit.run();
                host.sandboxes().add(fresh);
              });
      host.sandboxes().requireAlive(sandbox);
      return sandbox;
    } catch (RuntimeException e) {
      place.release();
      throw e;
    }
  }

  /**
   * A sandbox that runs and that nobody knows of yet. The place is the caller's to release if this
   * fails.
   *
   * @param commit makes it known; if it throws, the sandbox is ended
   */
  Sandbox thaw(Wish wish, Admission.Place place, Laps laps, Consumer<Sandbox> commit) {
    host.shapes().copyBegins();
    try {
      return thawNow(wish, place, laps, commit);
    } finally {
      host.shapes().copyEnds();
    }
  }

  private Sandbox thawNow(Wish wish, Admission.Place place, Laps laps, Consumer<Sandbox> commit) {
    CheckpointVault.Found found = vault.find(wish.saved().checkpoint());
    CheckpointNeeds needs = found.needs();
    ShapePool pool =
        host.shapes().standing(found.stored().id(), needs, config.deadlines().create());
    try (LoadedShape shape = pool.shape().retain();
        CheckpointVault.Loaded loaded = vault.load(found)) {
      laps.lap("load");
      Restores.Wish restore =
          new Restores.Wish(
              wish.record(),
              place,
              needs.epoch(),
              wish.calls() ? needs.calls() : List.of(),
              call -> call.origin().executionId(),
              needs.openTerminals());
      return restores.restore(shape, loaded.checkpoint(), restore, laps, commit);
    }
  }

  /** Record of a sandbox that is made of a saved machine, with the lifetime that is asked for. */
  SandboxRecord record(String id, SavedMachine saved, ResumeRequest request) {
    Instant now = host.clock().instant();
    Duration timeout =
        SandboxPlanner.within(
            "timeout_seconds",
            request.timeout().orElse(saved.timeout()),
            config.lifetimes().maxTimeout());
    return new SandboxRecord(
        id,
        saved.keyId(),
        saved.template(),
        SandboxState.READY.wireName(),
        saved.vcpus(),
        saved.memoryMebibytes(),
        saved.diskGibibytes(),
        request.persistent().orElse(saved.persistent()),
        request.autoResume().or(request::persistent).orElse(saved.autoResume()),
        SandboxPlanner.undo(request.undo().orElse(saved.undo()), config),
        request.network().map(PolicyText::of).orElse(saved.network()),
        saved.mounts(),
        saved.secrets(),
        saved.env(),
        request.metadata().orElse(saved.metadata()),
        Optional.empty(),
        now,
        now.plus(timeout),
        timeout,
        SandboxPlanner.within(
            "idle_timeout_seconds",
            request.idleTimeout().orElse(saved.idleTimeout()),
            config.lifetimes().maxIdle()),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }
}
