package dev.podflare.client;

import tools.jackson.databind.JsonNode;

/** Takes the events of a process's log and tells the listener. One thread, used once. */
final class ProcessLogReader {
  private final ProcessListener listener;
  private long next;

  ProcessLogReader(long fromSequence, ProcessListener listener) {
    this.next = fromSequence;
    this.listener = listener;
  }

  /** Number of the event that comes next. */
  long next() {
    return next;
  }

  /** True at the last event. Types that it does not know are skipped. */
  boolean take(JsonNode event) {
    long seq = event.path("seq").asLong(next);
    next = seq + 1;
    switch (event.path("type").asString("")) {
      case "stdout" -> listener.stdout(seq, EventReader.payload(event));
      case "stderr" -> listener.stderr(seq, EventReader.payload(event));
      case "skipped" -> {
        long count = event.path("data").asLong(0);
        next = seq + count;
        listener.skipped(seq, count);
      }
      case "exit" -> {
        listener.exited(seq, event.path("data").asInt(0), event.path("reason").asString("exited"));
        return true;
      }
      default -> {} // of a newer server
    }
    return false;
  }
}
