package dev.podflare.store;

import java.util.Optional;

/** What the new record of a live sandbox stands for. */
public enum Change {
  PAUSED(EventType.SANDBOX_PAUSED),
  /** After it was paused. */
  RESUMED(EventType.SANDBOX_RESUMED),
  /** Deadlines, metadata, policy: what a caller set and need not be told; no event. */
  SETTINGS(null);

  private final Optional<EventType> type;

  Change(@org.jspecify.annotations.Nullable EventType type) {
    this.type = Optional.ofNullable(type);
  }

  Optional<LifecycleEvent> event(SandboxRecord sandbox) {
    return type.map(it -> {
      LifecycleEvent event = LifecycleEvent.of(it, sandbox);
      return this == RESUMED ? event.with("from", "paused") : event;
    });
  }
}
