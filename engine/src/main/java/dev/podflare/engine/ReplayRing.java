package dev.podflare.engine;

import java.util.ArrayDeque;
import java.util.List;

/** The last events of a sandbox, bounded in number and bytes. Thread-safe. */
final class ReplayRing {
  static final int MAX_EVENTS = 1000;
  private static final long MAX_BYTES = 8L << 20;

  private final ArrayDeque<ReplayEvent> events = new ArrayDeque<>();
  private long bytes;

  synchronized void add(ReplayEvent event) {
    events.addLast(event);
    bytes += size(event);
    while (events.size() > MAX_EVENTS || (bytes > MAX_BYTES && events.size() > 1)) {
      bytes -= size(events.removeFirst());
    }
  }

  synchronized List<ReplayEvent> events() {
    return List.copyOf(events);
  }

  private static long size(ReplayEvent event) {
    return event.event() instanceof ExecEvent.Output output ? output.bytes().length : 0;
  }
}
