package dev.podflare.client;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** Reads NDJSON, one object a line. Empty lines are heartbeats. One thread, used once. */
final class LineReader {
  private static final int MAX_LINE_BYTES = 16 << 20;

  /** Takes an object; true if it was the last. */
  interface Taker {
    boolean take(JsonNode object);
  }

  private LineReader() {}

  /** Reads to the last object; {@code BAD_ANSWER} if the stream ends before. */
  static void read(DeadlineBody body, Taker taker) throws IOException {
    if (!readAll(body, taker)) {
      throw bad("the end of the events before the last of them");
    }
  }

  /** Reads to the last object, or to the end of the stream; whether it was the last object. */
  static boolean readAll(DeadlineBody body, Taker taker) throws IOException {
    byte[] block = new byte[1 << 16];
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    for (int count = body.read(block); count >= 0; count = body.read(block)) {
      int start = 0;
      for (int end = newline(block, 0, count); end < count; end = newline(block, start, count)) {
        line.write(block, start, end - start);
        if (line.size() > 1 && taker.take(parse(line.toByteArray()))) {
          return true;
        }
        line.reset();
        start = end + 1;
      }
      line.write(block, start, count - start);
      if (line.size() > MAX_LINE_BYTES) {
        throw bad("an event of more than " + MAX_LINE_BYTES + " bytes");
      }
    }
    return false;
  }

  /** Index of the next newline, or {@code end} if there is none. */
  private static int newline(byte[] block, int start, int end) {
    int index = start;
    while (index < end && block[index] != '\n') {
      index++;
    }
    return index;
  }

  private static JsonNode parse(byte[] line) {
    try {
      return Json.MAPPER.readTree(line);
    } catch (JacksonException malformed) {
      throw bad("an event that is no JSON: " + new String(line, StandardCharsets.UTF_8));
    }
  }

  static ApiException bad(String what) {
    return ApiException.own(ApiException.BAD_ANSWER, "the server sent " + what, null);
  }
}
