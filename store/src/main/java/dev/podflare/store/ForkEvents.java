package dev.podflare.store;

import java.util.ArrayList;
import java.util.List;

/** What a fork tells: of the parent, then of each child that there is. */
final class ForkEvents {
  private ForkEvents() {}

  static List<LifecycleEvent> of(SandboxRecord parent, List<SandboxRecord> children) {
    List<LifecycleEvent> events = new ArrayList<>();
    List<String> ids = children.stream().map(SandboxRecord::id).toList();
    events.add(LifecycleEvent.of(EventType.SANDBOX_FORKED, parent).with("children", ids));
    Origin origin = Origin.fork(parent.id());
    children.forEach(child -> events.add(LifecycleEvent.created(child, origin)));
    return events;
  }
}
