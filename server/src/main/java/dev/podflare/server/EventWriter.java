package dev.podflare.server;

import dev.podflare.engine.ExecEvent;
import dev.podflare.engine.ExecRequest.Framing;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JsonGenerator;

/** Writes events as lines of JSON into a buffer that is emptied again and again. One thread. */
final class EventWriter implements AutoCloseable {
  private static final int FIRST_SIZE = 512;

  private final ByteArrayOutputStream buffer = new ByteArrayOutputStream(FIRST_SIZE);
  private final JsonGenerator json = Json.MAPPER.createGenerator(buffer);
  private final Framing framing;

  EventWriter(Framing framing) {
    this.framing = framing;
  }

  void write(ExecEvent event) {
    write(event, framing, Optional.empty());
  }

  /** {@code executionId}: added to the line, for streams of more than one execution. */
  void write(ExecEvent event, Framing framing, Optional<String> executionId) {
    json.writeStartObject();
    switch (event) {
      case ExecEvent.Started started -> {
        json.writeStringProperty("type", "started");
        json.writeStringProperty("data", started.executionId());
      }
      case ExecEvent.Output output -> output(output, framing);
      case ExecEvent.Result result -> result(result);
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
    executionId.ifPresent(id -> json.writeStringProperty("exec_id", id));
    json.writeEndObject();
    json.writeRaw('\n');
    json.flush();
  }

  void blankLine() {
    json.flush();
    buffer.write('\n');
  }

  int size() {
    return buffer.size();
  }

  /** The lines written since the last call. */
  byte[] take() {
    byte[] lines = buffer.toByteArray();
    buffer.reset();
    return lines;
  }

  @Override
  public void close() {
    json.close();
  }

  private void output(ExecEvent.Output output, Framing framing) {
    json.writeStringProperty("type", ExecAnswers.lower(output.stream()));
    byte[] bytes = output.bytes();
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
    json.writeStringProperty("type", "result");
    json.writeObjectPropertyStart("data");
    for (Map.Entry<String, String> entry : result.data().entrySet()) {
      json.writeStringProperty(Text.writable(entry.getKey()), Text.writable(entry.getValue()));
    }
    json.writeEndObject();
  }
}
