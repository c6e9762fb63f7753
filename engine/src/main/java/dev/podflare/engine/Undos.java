package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.qemu.Machine;
import dev.podflare.store.Events;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes sandboxes back to before their last calls, under the same id: the machine of then is
 * restored into a blank and takes the place of the one of now. Until it does, nothing has changed.
 * Thread-safe.
 */
final class Undos {
  private static final Logger LOG = LoggerFactory.getLogger(Undos.class);

  private final EngineConfig config;
  private final Forks.Host host;
  private final CheckpointFolders folders;
  private final Events events;

  Undos(EngineConfig config, Forks.Host host, CheckpointFolders folders, Events events) {
    this.config = config;
    this.host = host;
    this.folders = folders;
    this.events = events;
  }

  Sandbox undo(Caller caller, String id, int calls) {
    if (calls < 1) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD, "n must be 1 or more, not " + calls, Map.of("field", "n"));
    }
    return host.sandboxes()
        .exclusively(
            caller,
            id,
            sandbox -> {
              sandbox.requireState(SandboxState.READY);
              UndoRing ring = sandbox.undo().orElseThrow(() -> UndoRing.refused(0, 0));
              return undo(sandbox, ring, calls);
            });
  }

  private Sandbox undo(Sandbox sandbox, UndoRing ring, int calls) {
    Laps laps = new Laps();
    // As a copy that is read, and as the machine that it is restored into.
    host.admission().requireMemory(2 * sandbox.guest().machine().ownMemory());
    host.shapes().forkBegins(); // the pools leave the processors to it
    try (LoadedShape shape = sandbox.guest().shape().retain();
        CheckpointFolders.Folder folder = folders.create();
        UndoRing.Picked picked = ring.pick(calls, folder.path())) {
      laps.lap("read");
      Sandbox fresh = restore(sandbox, shape, picked, laps);
      commit(fresh, () -> goOn(sandbox, fresh, ring, picked, calls));
      laps.lap("record");
      LOG.info(
          "{}: the last {} calls undone: {} ms", sandbox.record().id(), calls, laps.milliseconds());
      return fresh;
    } finally {
      host.shapes().forkEnds();
    }
  }

  /** A sandbox that runs and that nobody knows of yet. Calls that ran then go on. */
  private Sandbox restore(Sandbox sandbox, LoadedShape shape, UndoRing.Picked picked, Laps laps) {
    Machine blank =
        host.shapes().takeBlanks(shape, 1).stream()
            .findFirst()
            .orElseGet(() -> host.shapes().startBlank(shape));
    GuestMachine.Restored restored =
        GuestMachine.restoreMachine(
            shape,
            picked.checkpoint(),
            PolicyText.parse(sandbox.record().network()),
            blank,
            sandbox.record().id());
    laps.lap("restore");
    UndoMoment moment = picked.moment();
    List<CarriedCall> calls =
        moment.calls().stream()
            .map(it -> CarriedCall.of(it, host.clock().instant(), restored.channel()))
            .toList();
    List<LocalTerminal> terminals =
        moment.openTerminals().stream()
            .map(it -> LocalTerminal.carried(it, restored.channel(), host.budget()))
            .toList();
    GuestMachine guest =
        restored.renewFork(
            moment.epoch() + 1, CarriedCall.guests(calls, terminals), config.deadlines().guest());
    laps.lap("renew");
    try {
      Sandbox fresh =
          new Sandbox(
              sandbox.record(),
              guest,
              sandbox.place(), // it has room for one machine, whichever that is
              config,
              host.budget(),
              host.timers(),
              host.clock());
      calls.forEach(call -> fresh.carryOn(host.ids().execution(), call));
      terminals.forEach(fresh.terminals()::carryOn);
      guest.claim(sandbox.record().id());
      return fresh;
    } catch (RuntimeException e) {
      guest.close();
      terminals.forEach(LocalTerminal::abandon);
      throw e;
    }
  }

  /** Calls that come to the new machine wait until it has its moments. */
  private static void commit(Sandbox fresh, Runnable goOn) {
    try {
      fresh.guest().exclusively(goOn);
    } catch (RuntimeException e) {
      fresh.guest().close();
      fresh.terminals().close();
      throw e;
    }
  }

  private void goOn(
      Sandbox sandbox, Sandbox fresh, UndoRing ring, UndoRing.Picked picked, int calls) {
    host.sandboxes()
        .replaceMachine(
            sandbox,
            fresh,
            () -> {
              events.undone(sandbox.record(), calls);
              fresh.undo().ifPresent(it -> it.goOnFrom(ring, picked.number()));
            });
  }
}
