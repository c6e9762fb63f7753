package dev.podflare.engine;

import java.util.ArrayDeque;
import java.util.List;

/**
 * The last events of a sandbox, bounded in number and bytes; one that alone is larger is left out.
 * Thread-safe.
 */
final class ReplayRing {
  static final int MAX_EVENTS = 1000;
  private static final long MAX_BYTES = 2L << 20;

  private final ArrayDeque<ReplayEvent> events = new ArrayDeque<>();
  private long bytes;

  synchronized void add(ReplayEvent event) {
    events.addLast(event);
    bytes += event.event().cost();
    while (events.size() > MAX_EVENTS || bytes > MAX_BYTES) {
      bytes -= events.removeFirst().event().cost();
    }
  }

  /** Puts what happened elsewhere before what happened here. */
  synchronized void adopt(List<ReplayEvent> older) {
    List<ReplayEvent> own = List.copyOf(events);
    events.clear();
    bytes = 0;
    older.forEach(this::add);
    own.forEach(this::add);
  }

  synchronized List<ReplayEvent> events() {
    return List.copyOf(events);
  }
}
