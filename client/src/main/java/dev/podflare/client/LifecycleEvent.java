package dev.podflare.client;

import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Something that happened to a sandbox or a snapshot.
 *
 * @param id grows from event to event; {@link EventsFrom#after} goes on from it
 * @param type for example {@code sandbox.created}
 * @param data what belongs to the type; at least {@code sandbox_id} and {@code key_id}
 */
public record LifecycleEvent(long id, String type, Instant timestamp, Map<String, Object> data) {
  public LifecycleEvent {
    data = Collections.unmodifiableMap(new LinkedHashMap<>(data));
  }

  /** Whom it happened to, or whose snapshot it is about. */
  public String sandboxId() {
    return text("sandbox_id");
  }

  /** Why it was closed or frozen; empty for other types. */
  public String reason() {
    return text("reason");
  }

  /** A value of the data as text; empty if it is not there. */
  public String text(String name) {
    Object value = data.get(name);
    return value == null ? "" : value.toString();
  }
}
