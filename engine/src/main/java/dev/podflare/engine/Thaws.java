package dev.podflare.engine;

import dev.podflare.common.DataSize;
import dev.podflare.qemu.Machine;
import dev.podflare.qemu.MachineState;
import dev.podflare.store.SandboxRecord;
import dev.podflare.store.SavedMachine;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
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

  Thaws(CheckpointVault vault, Forks.Host host, EngineConfig config) {
    this.vault = vault;
    this.host = host;
    this.config = config;
  }

  /**
   * What is to be made.
   *
   * @param record of the sandbox; it is in no list yet
   * @param calls whether calls that ran when it was frozen go on for their callers
   */
  record Wish(SavedMachine saved, SandboxRecord record, boolean calls) {}

  /**
   * A sandbox that runs and that nobody knows of yet. The place is the caller's to release if this
   * fails.
   *
   * @param commit makes it known in the records; if it throws, the sandbox is ended
   */
  Sandbox thaw(Wish wish, Admission.Place place, Laps laps, Consumer<Sandbox> commit) {
    SavedMachine saved = wish.saved();
    CheckpointNeeds needs = vault.needs(saved.checkpoint());
    ShapePool pool = host.shapes().standing(saved.checkpoint(), needs, config.deadlines().create());
    try (LoadedShape shape = pool.shape().retain();
        CheckpointVault.Loaded loaded = vault.load(saved.checkpoint())) {
      laps.lap("load");
      Instant now = host.clock().instant();
      GuestMachine.Restored restored = restore(shape, loaded, wish.record());
      laps.lap("restore");
      List<CarriedCall> calls = new ArrayList<>();
      if (wish.calls()) {
        needs.calls().forEach(it -> calls.add(CarriedCall.of(it, now, restored.channel())));
      }
      GuestMachine guest = restored.renewFork(needs.epoch() + 1, calls, config.deadlines().guest());
      laps.lap("renew");
      return register(new Made(wish, guest, calls), place, laps, commit);
    }
  }

  private GuestMachine.Restored restore(
      LoadedShape shape, CheckpointVault.Loaded loaded, SandboxRecord record) {
    Machine blank =
        host.shapes().takeBlanks(shape, 1).stream()
            .findFirst()
            .orElseGet(() -> host.shapes().startBlank(shape));
    try {
      return GuestMachine.restoreMachine(
          shape, loaded.checkpoint(), PolicyText.parse(record.network()), blank, record.id());
    } catch (RuntimeException e) {
      if (blank.state() == MachineState.BLANK) {
        host.shapes().giveBack(shape, blank);
      }
      throw e;
    }
  }

  private record Made(Wish wish, GuestMachine guest, List<CarriedCall> calls) {}

  private Sandbox register(Made made, Admission.Place place, Laps laps, Consumer<Sandbox> commit) {
    try {
      Sandbox sandbox =
          new Sandbox(
              made.wish().record(),
              made.guest(),
              place,
              config,
              host.budget(),
              host.timers(),
              host.clock());
      commit.accept(sandbox);
      laps.lap("record");
      made.calls().forEach(call -> sandbox.carryOn(call.origin().executionId(), call));
      return sandbox;
    } catch (RuntimeException e) {
      made.guest().close();
      throw e;
    }
  }

  /** Room for it, as for any other sandbox of its owner's. */
  Admission.Place admit(Caller caller, SavedMachine saved) {
    Caller owner =
        new Caller(
            saved.keyId(), caller.admin(), caller.maxSandboxes(), caller.maxMemoryMebibytes());
    return host.admission()
        .admit(owner, DataSize.ofMebibytes(saved.memoryMebibytes()), 1, saved.ownBytes())
        .getFirst();
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
        request.network().map(PolicyText::of).orElse(saved.network()),
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
