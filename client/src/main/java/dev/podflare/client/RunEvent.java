package dev.podflare.client;

import static java.util.Objects.requireNonNull;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * One event of an execution, as the server told it. {@link RunListener} is the easier way to hear
 * of them.
 *
 * @param type {@code started}, {@code stdout}, {@code stderr}, {@code result}, {@code exception},
 *     {@code exit}, or a newer server's word
 * @param data text of {@code stdout} and {@code stderr}, an {@code Integer} of {@code exit}, the id
 *     of {@code started}, a {@code Map} of the others
 * @param seq its number, from 0 on
 * @param base64 the bytes of output that is no UTF-8; {@code data} is an approximation then
 * @param reason of {@code exit}, see {@link RunResult#reason}; in {@link Framing#CHUNKS} only
 * @param execId of the execution; in a replay only
 */
public record RunEvent(
    String type,
    Object data,
    long seq,
    Optional<String> base64,
    Optional<String> reason,
    Optional<String> execId) {
  /** How output is cut into events. */
  public enum Framing {
    /** Exactly what was written, with values, exceptions and the reason of the exit. */
    CHUNKS,
    /** Line by line, without the newline; nothing but output and the exit. */
    LINES
  }

  public RunEvent {
    requireNonNull(type, "type");
    requireNonNull(data, "data");
  }

  static RunEvent of(JsonNode event) {
    Optional<String> base64 = text(event, "data_b64");
    Object data =
        base64.isPresent()
            ? new String(EventReader.payload(event), StandardCharsets.UTF_8)
            : Json.MAPPER.convertValue(event.path("data"), Object.class);
    return new RunEvent(
        event.path("type").asString(""),
        data == null ? "" : data,
        event.path("seq").asLong(0),
        base64,
        text(event, "reason"),
        text(event, "exec_id"));
  }

  private static Optional<String> text(JsonNode event, String name) {
    JsonNode value = event.path(name);
    return value.isString() ? Optional.of(value.asString()) : Optional.empty();
  }
}
