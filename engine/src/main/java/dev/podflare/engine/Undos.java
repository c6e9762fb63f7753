package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.store.Events;
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

  private final Forks.Host host;
  private final Restores restores;
  private final CheckpointFolders folders;
  private final Events events;

  Undos(EngineConfig config, Forks.Host host, CheckpointFolders folders, Events events) {
    this.host = host;
    this.restores = new Restores(host, config);
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
    host.shapes().copyBegins();
    try (LoadedShape shape = sandbox.guest().shape().retain();
        CheckpointFolders.Folder folder = folders.create();
        UndoRing.Picked picked = ring.pick(calls, folder.path())) {
      laps.lap("read");
      UndoMoment moment = picked.moment();
      Restores.Wish wish =
          new Restores.Wish(
              sandbox.record(),
              sandbox.place(), // it has room for one machine, whichever that is
              moment.epoch(),
              moment.calls(),
              _ -> host.ids().execution(),
              moment.openTerminals());
      Sandbox fresh =
          restores.restore(
              shape,
              picked.checkpoint(),
              wish,
              laps,
              // Calls that come to the new machine wait until it has its moments.
              made -> made.guest().exclusively(() -> goOn(sandbox, made, ring, picked, calls)));
      LOG.info(
          "{}: the last {} calls undone: {} ms", sandbox.record().id(), calls, laps.milliseconds());
      return fresh;
    } finally {
      host.shapes().copyEnds();
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
