package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.TimeoutException;
import org.eclipse.jetty.http.HttpException;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads JSON bodies, within a size and a time, and refuses what is not one object in strict UTF-8.
 * Thread-safe.
 */
final class JsonBodies {
  private static final int FIRST_BUFFER = 16 * 1024;
  private static final int SLOWEST_BYTES_PER_SECOND = 16 * 1024;

  private final long maxBytes;
  private final Duration timeout;

  JsonBodies(ServerLimits limits) {
    this.maxBytes = limits.maxBody().bytes();
    this.timeout = limits.bodyTimeout();
  }

  /** The raw body; the share holds as many bytes as are in memory. */
  byte[] read(HttpServletRequest request, BodyBudget.Share share) {
    long announced = request.getContentLengthLong();
    if (announced > maxBytes) {
      throw tooLarge();
    }
    if (announced != 0) {
      requireJson(request);
    }
    try {
      return readAll(request.getInputStream(), announced, share);
    } catch (IOException | HttpException.RuntimeException failed) {
      throw failure(failed);
    }
  }

  /** Parses a body; an empty one is an object without fields. */
  Fields parse(byte[] body) {
    OptionalInt malformed = Text.firstMalformed(body, body.length);
    if (malformed.isPresent()) {
      int at = malformed.getAsInt();
      throw invalid("the body is not UTF-8 at byte " + at, Map.of("byte", at));
    }
    if (body.length == 0) {
      return new Fields(Json.MAPPER.createObjectNode());
    }
    try (JsonParser parser = Json.MAPPER.createParser(body)) {
      JsonNode tree = parser.readValueAsTree();
      if (tree == null) {
        throw invalid("the body holds nothing but white space", Map.of());
      }
      if (parser.nextToken() != null) {
        throw invalid(
            "there is more after the end of the JSON object", at(parser.currentTokenLocation()));
      }
      if (tree instanceof ObjectNode object) {
        return new Fields(object);
      }
      throw invalid("the body must be a JSON object, not " + Fields.kind(tree), Map.of());
    } catch (JacksonException failed) {
      Map<String, Object> where = at(failed.getLocation());
      throw invalid(
          "the body is no JSON" + shown(where) + ": " + failed.getOriginalMessage(), where);
    }
  }

  private byte[] readAll(InputStream in, long announced, BodyBudget.Share share)
      throws IOException {
    long start = System.nanoTime();
    byte[] buffer = new byte[Math.clamp(announced, 0, FIRST_BUFFER)];
    share.growTo(buffer.length);
    int length = 0;
    while (true) {
      if (length == buffer.length) {
        int next = in.read();
        if (next < 0) {
          return buffer;
        }
        buffer = grown(buffer, announced, share);
        buffer[length++] = (byte) next;
      }
      int read = in.read(buffer, length, buffer.length - length);
      if (read < 0) {
        return Arrays.copyOf(buffer, length);
      }
      length += read;
      if (System.nanoTime() - start > allowedNanos(length)) {
        throw new PodflareException(
            ErrorCode.REQUEST_TIMEOUT, "the body did not arrive within " + seconds());
      }
    }
  }

  private byte[] grown(byte[] buffer, long announced, BodyBudget.Share share) {
    if (buffer.length >= maxBytes) {
      throw tooLarge();
    }
    long doubled = Math.max(FIRST_BUFFER, 2L * buffer.length);
    long wanted =
        Math.min(maxBytes, announced > buffer.length ? Math.min(announced, doubled) : doubled);
    share.growTo(wanted);
    return Arrays.copyOf(buffer, (int) wanted);
  }

  private long allowedNanos(int received) {
    return timeout.toNanos() + received * (1_000_000_000L / SLOWEST_BYTES_PER_SECOND);
  }

  /** Other types would let a browser's form post without asking first. */
  private static void requireJson(HttpServletRequest request) {
    String type = request.getContentType();
    if (type != null && !json(type.toLowerCase(Locale.ROOT))) {
      throw new PodflareException(
          ErrorCode.UNSUPPORTED_MEDIA_TYPE,
          "send the body as Content-Type: application/json in UTF-8, not as " + type);
    }
    String encoding = request.getHeader("Content-Encoding");
    if (encoding != null && !encoding.equalsIgnoreCase("identity")) {
      throw new PodflareException(
          ErrorCode.UNSUPPORTED_MEDIA_TYPE, "send the body without Content-Encoding");
    }
  }

  private static boolean json(String type) {
    String[] parts = type.split(";", -1);
    String mime = parts[0].strip();
    boolean charset =
        Arrays.stream(parts)
            .skip(1)
            .map(String::strip)
            .filter(part -> part.startsWith("charset="))
            .allMatch(part -> part.matches("charset=\"?utf-?8\"?"));
    return charset
        && (mime.equals("application/json") || mime.equals("text/json") || mime.endsWith("+json"));
  }

  private PodflareException failure(Throwable failed) {
    for (Throwable cause = failed; cause != null; cause = cause.getCause()) {
      if (cause instanceof TimeoutException) {
        return new PodflareException(
            ErrorCode.REQUEST_TIMEOUT, "the body stopped arriving", failed);
      }
      if (cause instanceof HttpException refused) {
        return new PodflareException(
            Errors.ofStatus(refused.getCode()),
            "the body cannot be read: " + refused.getReason(),
            failed);
      }
    }
    return new PodflareException(ErrorCode.BAD_REQUEST, "the body ended too early", failed);
  }

  private PodflareException tooLarge() {
    return new PodflareException(
        ErrorCode.PAYLOAD_TOO_LARGE,
        "a request body may have " + maxBytes + " bytes",
        Map.of("max_bytes", maxBytes));
  }

  private String seconds() {
    return timeout.toSeconds() + " s";
  }

  private static PodflareException invalid(String sentence, Map<String, Object> details) {
    return new PodflareException(ErrorCode.INVALID_JSON, sentence, details);
  }

  private static Map<String, Object> at(@Nullable TokenStreamLocation location) {
    return location == null
        ? Map.of()
        : Map.of("line", location.getLineNr(), "column", location.getColumnNr());
  }

  private static String shown(Map<String, Object> where) {
    return where.isEmpty()
        ? ""
        : " at line " + where.get("line") + ", column " + where.get("column");
  }
}
