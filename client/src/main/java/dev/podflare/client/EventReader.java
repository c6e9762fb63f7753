package dev.podflare.client;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * Reads one execution's NDJSON events, tells the listener and gathers the result. Empty lines are
 * heartbeats; event types it does not know are skipped. One thread, used once.
 */
final class EventReader {
  private static final int MAX_LINE_BYTES = 16 << 20;

  private final RunListener listener;
  private final int maxOutputBytes;
  private final ByteArrayOutputStream stdout = new ByteArrayOutputStream();
  private final ByteArrayOutputStream stderr = new ByteArrayOutputStream();
  private final List<Map<String, String>> results = new ArrayList<>();
  private boolean truncated;
  private String execId;

  EventReader(RunListener listener, int maxOutputBytes, String execId) {
    this.listener = listener;
    this.maxOutputBytes = maxOutputBytes;
    this.execId = execId;
  }

  /** Reads to the exit event; {@code BAD_ANSWER} if the stream ends without one. */
  RunResult read(DeadlineBody body) throws IOException {
    byte[] block = new byte[1 << 16];
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    for (int count = body.read(block); count >= 0; count = body.read(block)) {
      int start = 0;
      for (int end = newline(block, 0, count); end < count; end = newline(block, start, count)) {
        line.write(block, start, end - start);
        Optional<RunResult> result = event(line.toByteArray());
        if (result.isPresent()) {
          return result.get();
        }
        line.reset();
        start = end + 1;
      }
      line.write(block, start, count - start);
      if (line.size() > MAX_LINE_BYTES) {
        throw bad("an event of more than " + MAX_LINE_BYTES + " bytes");
      }
    }
    throw bad("the end of the events before that of the execution");
  }

  /** Index of the next newline, or {@code end} if there is none. */
  private static int newline(byte[] block, int start, int end) {
    int index = start;
    while (index < end && block[index] != '\n') {
      index++;
    }
    return index;
  }

  private Optional<RunResult> event(byte[] line) {
    if (line.length <= 1) {
      return Optional.empty(); // heartbeat
    }
    JsonNode event = parse(line);
    if (event.path("type").asString("").equals("exit")) {
      return Optional.of(exit(event));
    }
    handle(event);
    return Optional.empty();
  }

  private static JsonNode parse(byte[] line) {
    try {
      return Json.MAPPER.readTree(line);
    } catch (JacksonException malformed) {
      throw bad("an event that is no JSON: " + new String(line, StandardCharsets.UTF_8));
    }
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
        Map<String, String> data = pairs(event.path("data"));
        if (results.size() < 1000) {
          results.add(data);
        } else {
          truncated = true;
        }
        listener.result(data);
      }
      default -> {} // of a newer server
    }
  }

  private RunResult exit(JsonNode event) {
    JsonNode code = event.path("data");
    if (!code.isIntegralNumber()) {
      throw bad("an exit event without a code: " + event);
    }
    return new RunResult(
        stdout.toString(StandardCharsets.UTF_8),
        stderr.toString(StandardCharsets.UTF_8),
        code.asInt(),
        event.path("reason").asString("exited"),
        execId,
        results,
        truncated);
  }

  private static byte[] payload(JsonNode event) {
    String base64 = event.path("data_b64").asString("");
    if (base64.isEmpty()) {
      return event.path("data").asString("").getBytes(StandardCharsets.UTF_8);
    }
    try {
      return Base64.getDecoder().decode(base64);
    } catch (IllegalArgumentException malformed) {
      throw bad("data_b64 that is no base64");
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

  private void keep(ByteArrayOutputStream kept, byte[] bytes) {
    int room = maxOutputBytes - kept.size();
    kept.write(bytes, 0, Math.min(room, bytes.length));
    truncated |= bytes.length > room;
  }

  private static ApiException bad(String what) {
    return ApiException.own(ApiException.BAD_ANSWER, "the server sent " + what, null);
  }
}
