package dev.podflare.engine;

import dev.podflare.qemu.Checkpoint;
import dev.podflare.store.SandboxRecord;
import java.time.Instant;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Makes a sandbox of a checkpoint that was written down: restore into a blank, renew, and go on
 * with what ran then. Thread-safe.
 */
final class Restores {
  private final Forks.Host host;
  private final EngineConfig config;

  Restores(Forks.Host host, EngineConfig config) {
    this.host = host;
    this.config = config;
  }

  /**
   * What is to be made.
   *
   * @param epoch of the agent's channel, as the memory knows it
   * @param calls that go on, and {@code name} says under which id
   * @param terminals that go on
   */
  record Wish(
      SandboxRecord record,
      Admission.Place place,
      long epoch,
      List<SavedCall> calls,
      Function<CarriedCall, String> name,
      List<TerminalState> terminals) {}

  /**
   * A sandbox that runs. The place is the caller's to release if this fails.
   *
   * @param commit makes it known, which it is to nobody yet; if it throws, the sandbox is ended
   */
  Sandbox restore(
      LoadedShape shape, Checkpoint checkpoint, Wish wish, Laps laps, Consumer<Sandbox> commit) {
    Instant now = host.clock().instant();
    SandboxRecord record = wish.record();
    GuestMachine.Restored restored =
        GuestMachine.restoreMachine(
            shape, checkpoint, Outside.of(record), host.shapes().blank(shape), record.id());
    laps.lap("restore");
    List<CarriedCall> calls =
        wish.calls().stream().map(it -> CarriedCall.of(it, now, restored.channel())).toList();
    List<LocalTerminal> terminals =
        LocalTerminal.carried(wish.terminals(), restored.channel(), host.budget());
    GuestMachine guest =
        restored.renewFork(
            wish.epoch() + 1,
            CarriedCall.guests(calls, terminals),
            null,
            config.deadlines().guest());
    laps.lap("renew");
    try {
      Sandbox sandbox =
          new Sandbox(
              record, guest, wish.place(), config, host.budget(), host.timers(), host.clock());
      calls.forEach(call -> sandbox.carryOn(wish.name().apply(call), call));
      terminals.forEach(sandbox.terminals()::carryOn);
      guest.claim(record.id());
      commit.accept(sandbox);
      laps.lap("record");
      host.waker().rehearseSoon(sandbox);
      return sandbox;
    } catch (RuntimeException e) {
      guest.close();
      terminals.forEach(LocalTerminal::abandon);
      throw e;
    }
  }
}
