package dev.podflare.client;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Takes one execution's events, tells the listener and gathers the result. Event types that it does
 * not know are skipped. One thread, used once.
 */
final class EventReader {
  private static final int MOST_RESULTS = 1000;

  private final RunListener listener;
  private final int maxOutputBytes;
  private final ByteArrayOutputStream stdout = new ByteArrayOutputStream();
  private final ByteArrayOutputStream stderr = new ByteArrayOutputStream();
  private final List<Map<String, String>> results = new ArrayList<>();
  private @Nullable RunException exception;
  private boolean truncated;
  private long resultLength;
  private String execId;

  EventReader(RunListener listener, int maxOutputBytes, String execId) {
    this.listener = listener;
    this.maxOutputBytes = maxOutputBytes;
    this.execId = execId;
  }

  /** Takes in an event; the result if it is the exit. */
  Optional<RunResult> take(JsonNode event) {
    if (event.path("type").asString("").equals("exit")) {
      return Optional.of(exit(event));
    }
    handle(event);
    return Optional.empty();
  }

  private void handle(JsonNode event) {
    switch (event.path("type").asString("")) {
      case "started" -> {
        execId = event.path("data").asString(execId);
        listener.started(execId);
      }
      case "stdout" -> {
        byte[] bytes = payload(event);
        keep(stdout, bytes);
        listener.stdout(bytes);
      }
      case "stderr" -> {
        byte[] bytes = payload(event);
        keep(stderr, bytes);
        listener.stderr(bytes);
      }
      case "result" -> {
        if (event.path("kind").asString("").equals("clear")) {
          return; // of a screen that is not here
        }
        Map<String, String> data = pairs(event.path("data"));
        keep(data);
        listener.result(data);
      }
      case "exception" -> exception = exception(event.path("data"));
      default -> {} // of a newer server
    }
  }

  private RunResult exit(JsonNode event) {
    JsonNode code = event.path("data");
    if (!code.isIntegralNumber()) {
      throw LineReader.bad("an exit event without a code: " + event);
    }
    return new RunResult(
        stdout.toString(StandardCharsets.UTF_8),
        stderr.toString(StandardCharsets.UTF_8),
        code.asInt(),
        event.path("reason").asString("exited"),
        execId,
        results,
        Optional.ofNullable(exception),
        truncated);
  }

  private static RunException exception(JsonNode data) {
    List<RunException.Frame> frames = new ArrayList<>();
    for (JsonNode frame : data.path("frames")) {
      frames.add(
          new RunException.Frame(
              frame.path("file").asString(""),
              frame.path("line").asInt(0),
              frame.path("function").asString(""),
              frame.path("source").asString("")));
    }
    return new RunException(
        data.path("name").asString(""), data.path("value").asString(""), frames);
  }

  static byte[] payload(JsonNode event) {
    String base64 = event.path("data_b64").asString("");
    if (base64.isEmpty()) {
      return event.path("data").asString("").getBytes(StandardCharsets.UTF_8);
    }
    try {
      return Base64.getDecoder().decode(base64);
    } catch (IllegalArgumentException malformed) {
      throw LineReader.bad("data_b64 that is no base64");
    }
  }

  private static Map<String, String> pairs(JsonNode node) {
    Map<String, String> pairs = new LinkedHashMap<>();
    node.properties()
        .forEach(entry -> {
          JsonNode value = entry.getValue();
          pairs.put(entry.getKey(), value.isString() ? value.asString() : value.toString());
        });
    return pairs;
  }

  private void keep(Map<String, String> data) {
    long length = data.values().stream().mapToLong(String::length).sum();
    if (results.size() < MOST_RESULTS && resultLength + length <= maxOutputBytes) {
      resultLength += length;
      results.add(data);
    } else {
      truncated = true;
    }
  }

  private void keep(ByteArrayOutputStream kept, byte[] bytes) {
    int room = maxOutputBytes - kept.size();
    kept.write(bytes, 0, Math.min(room, bytes.length));
    truncated |= bytes.length > room;
  }
}
