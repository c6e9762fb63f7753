package dev.podflare.store;

import java.util.List;

/** What is told of Spaces and snapshots. */
final class SavedEvents {
  private static final String SPACE = "space_id";
  private static final String SNAPSHOT = "snapshot_id";

  private SavedEvents() {}

  static LifecycleEvent snapshotCreated(SavedMachine snapshot) {
    LifecycleEvent event =
        LifecycleEvent.of(EventType.SNAPSHOT_CREATED, snapshot).with(SNAPSHOT, snapshot.id());
    snapshot.name().ifPresent(name -> event.with("name", name));
    return event;
  }

  static LifecycleEvent frozen(SavedMachine space, String reason) {
    return LifecycleEvent.of(EventType.SANDBOX_FROZEN, space)
        .with(SPACE, space.id())
        .with("reason", reason);
  }

  /** Its machine was lost with its host: it is again what it was when it was frozen. */
  static LifecycleEvent lost(SavedMachine space) {
    return frozen(space, "host_lost");
  }

  static LifecycleEvent woken(SavedMachine space) {
    return LifecycleEvent.of(EventType.SANDBOX_RESUMED, space)
        .with("from", SandboxRecord.FROZEN)
        .with(SPACE, space.id());
  }

  static List<LifecycleEvent> moved(SavedMachine space, SandboxRecord fresh, String reason) {
    return List.of(
        LifecycleEvent.created(fresh, Origin.space(space.id())),
        LifecycleEvent.closed(space.keyId(), space.sandboxId(), reason)
            .with(SPACE, space.id())
            .with("resumed_as", fresh.id()));
  }

  static LifecycleEvent deleted(SavedMachine saved, String reason) {
    return saved.kind() == SavedMachine.Kind.SPACE
        ? LifecycleEvent.closed(saved.keyId(), saved.sandboxId(), reason).with(SPACE, saved.id())
        : LifecycleEvent.of(EventType.SNAPSHOT_DELETED, saved)
            .with(SNAPSHOT, saved.id())
            .with("reason", reason);
  }
}
