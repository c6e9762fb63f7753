package dev.podflare.client;

import tools.jackson.databind.JsonNode;

/** Takes the events of a process's log and tells the listener. One thread, used once. */
final class ProcessLogReader {
  private final ProcessListener listener;

  ProcessLogReader(ProcessListener listener) {
    this.listener = listener;
  }

  /** True at the last event. Types that it does not know are skipped. */
  boolean take(JsonNode event) {
    long seq = event.path("seq").asLong(0);
    switch (event.path("type").asString("")) {
      case "started" -> listener.started(seq, event.path("data").asString(""));
      case "stdout" -> listener.stdout(seq, EventReader.payload(event));
      case "stderr" -> listener.stderr(seq, EventReader.payload(event));
      case "skipped" -> listener.skipped(seq, event.path("data").asLong(0));
      case "exit" -> {
        listener.exited(seq, event.path("data").asInt(0), event.path("reason").asString("exited"));
        return true;
      }
      default -> {} // of a newer server
    }
    return false;
  }
}
