package dev.podflare.store;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Something that happens to a sandbox, before it has its number.
 *
 * @param keyId owner
 * @param sandboxId whose order among events counts
 * @param data what the event says, in the order in which it is written: texts, numbers and lists of
 *     texts
 */
record LifecycleEvent(EventType type, String keyId, String sandboxId, Map<String, Object> data) {

  /** Says whose it is, and no more yet. */
  static LifecycleEvent of(EventType type, String keyId, String sandboxId) {
    LifecycleEvent event = new LifecycleEvent(type, keyId, sandboxId, new LinkedHashMap<>());
    return event.with("sandbox_id", sandboxId).with("key_id", keyId);
  }

  static LifecycleEvent of(EventType type, SandboxRecord sandbox) {
    return of(type, sandbox.keyId(), sandbox.id());
  }

  static LifecycleEvent of(EventType type, SavedMachine saved) {
    return of(type, saved.keyId(), saved.sandboxId());
  }

  static LifecycleEvent created(SandboxRecord sandbox, Origin origin) {
    LifecycleEvent event =
        of(EventType.SANDBOX_CREATED, sandbox)
            .with("template", sandbox.template())
            .with("source", origin.source());
    origin.reference().forEach(event::with);
    return event;
  }

  static LifecycleEvent closed(String keyId, String sandboxId, String reason) {
    return of(EventType.SANDBOX_CLOSED, keyId, sandboxId).with("reason", reason);
  }

  /** The same object. */
  LifecycleEvent with(String name, Object value) {
    data.put(name, value);
    return this;
  }
}
