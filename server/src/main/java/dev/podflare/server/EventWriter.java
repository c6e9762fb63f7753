package dev.podflare.server;

import dev.podflare.engine.ExecEvent;
import dev.podflare.engine.ExecRequest.Framing;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;

/**
 * Writes events as lines of JSON. Small ones are gathered until {@link #passOn}; a large one goes
 * out in pieces, so that it costs no more memory than the event itself. One thread.
 */
final class EventWriter implements AutoCloseable {
  /** From here on text is decoded piece by piece. */
  private static final int LARGE = 64 * 1024;

  private final LineBuffer buffer;
  private final JsonGenerator json;
  private final Framing framing;

  EventWriter(Framing framing, OutputStream target) {
    this.framing = framing;
    this.buffer = new LineBuffer(target);
    this.json = Json.MAPPER.createGenerator(buffer);
  }

  void write(ExecEvent event) {
    write(event, framing, Map.of());
  }

  /** {@code labels}: added to the line, for streams of more than one execution. */
  void write(ExecEvent event, Framing framing, Map<String, Object> labels) {
    json.writeStartObject();
    switch (event) {
      case ExecEvent.Started started -> {
        json.writeStringProperty("type", "started");
        json.writeStringProperty("data", started.executionId());
      }
      case ExecEvent.Output output -> output(output, framing);
      case ExecEvent.Result result -> result(result);
      case ExecEvent.Skipped skipped -> {
        json.writeStringProperty("type", "skipped");
        json.writeNumberProperty("data", skipped.count());
      }
      case ExecEvent.Exit exit -> {
        json.writeStringProperty("type", "exit");
        json.writeNumberProperty("data", exit.code());
      }
    }
    json.writeNumberProperty("seq", event.sequence());
    json.writeNumberProperty("ts", event.epochMillis());
    if (event instanceof ExecEvent.Exit exit && framing == Framing.CHUNKS) {
      json.writeStringProperty("reason", ExecAnswers.lower(exit.reason()));
    }
    labels.forEach(json::writePOJOProperty);
    json.writeEndObject();
    endLine();
  }

  /** A line of another kind. */
  void write(Json.Entries object) {
    json.writePOJO(object.map());
    endLine();
  }

  private void endLine() {
    json.writeRaw('\n');
    json.flush();
  }

  void blankLine() throws IOException {
    json.flush();
    buffer.write('\n');
  }

  /** Bytes written since the last {@link #passOn}. */
  long written() {
    return buffer.written();
  }

  /** Hands the lines written so far to the target. */
  void passOn() throws IOException {
    buffer.passOn();
    buffer.forgetCount();
  }

  @Override
  public void close() {
    json.close();
  }

  private void output(ExecEvent.Output output, Framing framing) {
    json.writeStringProperty("type", ExecAnswers.lower(output.stream()));
    byte[] bytes = output.bytes();
    if (framing == Framing.LINES && bytes.length > LARGE) {
      json.writeName("data");
      // What is no text becomes U+FFFD, as it does below.
      json.writeString(
          new InputStreamReader(new ByteArrayInputStream(bytes), StandardCharsets.UTF_8), -1);
      return;
    }
    if (framing == Framing.LINES) {
      json.writeStringProperty("data", new String(bytes, StandardCharsets.UTF_8));
      return;
    }
    Optional<String> text = Text.decode(bytes);
    if (text.isPresent()) {
      json.writeStringProperty("data", text.get());
    } else {
      json.writeBinaryProperty("data_b64", bytes);
    }
  }

  private void result(ExecEvent.Result result) {
    if (result.shown() == ExecEvent.Shown.EXCEPTION) {
      json.writeStringProperty("type", "exception");
      json.writeName("data");
      form(ExecEvent.JSON, result.data().getOrDefault(ExecEvent.JSON, "{}"));
      return;
    }
    json.writeStringProperty("type", "result");
    json.writeStringProperty("kind", ExecAnswers.lower(result.shown()));
    result.displayId().ifPresent(id -> json.writeStringProperty("display_id", Text.writable(id)));
    json.writeObjectPropertyStart("data");
    result
        .data()
        .forEach((mime, text) -> {
          json.writeName(Text.writable(mime));
          form(mime, text);
        });
    json.writeEndObject();
  }

  /**
   * JSON goes as it is, if it is some: the guest's word is not enough. It is never held as a tree,
   * which would take many times the room.
   */
  private void form(String mime, String text) {
    if ((mime.equals(ExecEvent.JSON) || mime.endsWith("+json")) && isJson(text)) {
      try (JsonParser parser = Json.MAPPER.createParser(text)) {
        parser.nextToken();
        json.copyCurrentStructure(parser);
      }
    } else {
      json.writeString(Text.writable(text));
    }
  }

  /** Whether it is one value, and nothing behind it. */
  private static boolean isJson(String text) {
    try (JsonParser parser = Json.MAPPER.createParser(text)) {
      if (parser.nextToken() == null) {
        return false;
      }
      parser.skipChildren();
      return parser.nextToken() == null;
    } catch (JacksonException none) {
      return false;
    }
  }
}
