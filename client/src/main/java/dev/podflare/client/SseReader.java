package dev.podflare.client;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;

/** Reads server-sent events, of which each has an id. One reader, used once. */
final class SseReader implements AutoCloseable {
  private static final int MAX_LINE_BYTES = 16 << 20;
  private static final TypeReference<Map<String, Object>> MAP = new TypeReference<>() {};

  private final DeadlineBody body;
  private final InputStream in;

  SseReader(DeadlineBody body) {
    this.body = body;
    this.in = new BufferedInputStream(body, 1 << 14);
  }

  /**
   * A piece of the stream.
   *
   * @param id to go on after
   * @param event empty if this only tells the id
   */
  record Frame(long id, Optional<LifecycleEvent> event) {}

  /** The next piece; empty at the end of the stream, which drops a piece that is not whole. */
  Optional<Frame> next() throws IOException {
    long id = -1;
    String data = "";
    for (Optional<String> line = line(); line.isPresent(); line = line()) {
      String text = line.get();
      if (text.startsWith("id:")) {
        id = number(text.substring(3).strip());
      } else if (text.startsWith("data:")) {
        data = text.substring(5).strip();
      } else if (text.isEmpty() && id >= 0) {
        return Optional.of(new Frame(id, data.isEmpty() ? Optional.empty() : event(id, data)));
      }
    }
    return Optional.empty();
  }

  private static long number(String text) {
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException malformed) {
      throw LineReader.bad("an id that is no number: " + text);
    }
  }

  private static Optional<LifecycleEvent> event(long id, String data) {
    try {
      JsonNode json = Json.MAPPER.readTree(data);
      return Optional.of(
          new LifecycleEvent(
              id,
              json.path("type").asString(""),
              Instant.parse(json.path("timestamp").asString("")),
              Json.MAPPER.convertValue(json.path("data"), MAP)));
    } catch (JacksonException | DateTimeParseException malformed) {
      throw LineReader.bad("an event that cannot be read: " + data);
    }
  }

  private Optional<String> line() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    for (int next = in.read(); next >= 0; next = in.read()) {
      if (next == '\n') {
        return Optional.of(line.toString(StandardCharsets.UTF_8));
      }
      if (line.size() >= MAX_LINE_BYTES) {
        throw LineReader.bad("an event of more than " + MAX_LINE_BYTES + " bytes");
      }
      line.write(next);
    }
    return Optional.empty();
  }

  @Override
  public void close() {
    body.close();
  }
}
