package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import io.javalin.http.Context;
import io.javalin.http.HttpResponseException;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Turns whatever was thrown into {@code {"error","code","details","help"}}. Thread-safe. */
final class Errors {
  private static final Logger LOG = LoggerFactory.getLogger(Errors.class);
  private static final String RETRY_AFTER = "retry_after_seconds";

  private Errors() {}

  static byte[] body(ErrorCode code, String sentence, Map<String, Object> details) {
    Map<String, Object> writable = new LinkedHashMap<>();
    details.forEach((name, value) -> writable.put(Text.writable(name), writable(value)));
    return Json.bytes(
        Json.object()
            .put("error", Text.writable(sentence))
            .put("code", code.wireName())
            .put("details", writable)
            .put("help", ErrorPages.address(code))
            .map());
  }

  /** Seconds for {@code Retry-After}: what the error says, else a guess by its code. */
  static OptionalLong retryAfter(ErrorCode code, Map<String, Object> details) {
    int status = code.httpStatus();
    if (status != 429 && status != 503) {
      return OptionalLong.empty();
    }
    if (details.get(RETRY_AFTER) instanceof Number seconds) {
      return OptionalLong.of(Math.max(1, seconds.longValue()));
    }
    return OptionalLong.of(
        switch (code) {
          case TOO_MANY_SANDBOXES, TOO_MUCH_MEMORY, HOST_FULL, SHAPE_PREPARING -> 5;
          case TEMPLATE_NOT_BUILT -> 30;
          default -> 1;
        });
  }

  /** The code of a status that Jetty or Javalin chose. */
  static ErrorCode ofStatus(int status) {
    return switch (status) {
      case 404 -> ErrorCode.ROUTE_NOT_FOUND;
      case 405 -> ErrorCode.METHOD_NOT_ALLOWED;
      case 408 -> ErrorCode.REQUEST_TIMEOUT;
      case 413 -> ErrorCode.PAYLOAD_TOO_LARGE;
      case 414 -> ErrorCode.URI_TOO_LONG;
      case 415 -> ErrorCode.UNSUPPORTED_MEDIA_TYPE;
      case 431 -> ErrorCode.HEADERS_TOO_LARGE;
      case 503 -> ErrorCode.HOST_FULL;
      // 505: a version that nobody speaks is the caller's fault, not ours.
      case 500, 501, 502, 504 -> ErrorCode.INTERNAL;
      default -> ErrorCode.BAD_REQUEST;
    };
  }

  static void answer(Context context, PodflareException failure) {
    if (failure.code().httpStatus() == 500) {
      LOG.error("request {} failed", requestId(context), failure);
    }
    answer(context, failure.code(), failure.sentence(), failure.details());
  }

  static void answer(Context context, HttpResponseException failure) {
    ErrorCode code = ofStatus(failure.getStatus());
    String available = failure.getDetails().get("availableMethods");
    if (code == ErrorCode.METHOD_NOT_ALLOWED && available != null) {
      context.header("Allow", available);
      answer(
          context,
          code,
          "this route takes " + available + ", not " + context.method().name(),
          Map.of("allow", available));
    } else if (code == ErrorCode.ROUTE_NOT_FOUND) {
      answer(
          context, code, "there is no " + context.method().name() + " " + shown(context), Map.of());
    } else {
      String message = failure.getMessage();
      answer(context, code, message == null ? code.wireName() : message, Map.of());
    }
  }

  /** Nobody foresaw it: logged with the request's id, of which alone the caller hears. */
  static void answerUnexpected(Context context, Throwable failure) {
    LOG.error("request {} failed", requestId(context), failure);
    answer(
        context,
        ErrorCode.INTERNAL,
        "something went wrong in Podflare; its log tells more under this request id",
        Map.of("request_id", requestId(context)));
  }

  /** An {@link Error}: out of memory is a full host to the caller, the rest is unforeseen. */
  static void answerFatal(HttpServletResponse response, Error failure) {
    LOG.error("a request failed", failure);
    if (response.isCommitted()) {
      return;
    }
    ErrorCode code = failure instanceof OutOfMemoryError ? ErrorCode.HOST_FULL : ErrorCode.INTERNAL;
    String sentence =
        code == ErrorCode.HOST_FULL
            ? "there is no memory left for this request; try again"
            : "something went wrong in Podflare; its log tells more";
    response.setStatus(code.httpStatus());
    response.setContentType("application/json");
    retryAfter(code, Map.of())
        .ifPresent(seconds -> response.setHeader("Retry-After", Long.toString(seconds)));
    try {
      response.getOutputStream().write(body(code, sentence, Map.of()));
    } catch (IOException gone) {
      LOG.debug("the caller is gone", gone);
    }
  }

  private static void answer(
      Context context, ErrorCode code, String sentence, Map<String, Object> details) {
    retryAfter(code, details)
        .ifPresent(seconds -> context.header("Retry-After", Long.toString(seconds)));
    if (code.httpStatus() == 401) {
      context.header("WWW-Authenticate", "Bearer");
    }
    context
        .status(code.httpStatus())
        .contentType("application/json")
        .result(body(code, sentence, details));
  }

  private static Object writable(Object value) {
    return value instanceof String text ? Text.writable(text) : value;
  }

  private static String shown(Context context) {
    String path = context.path();
    return path.length() > 200 ? path.substring(0, 200) + "…" : path;
  }

  private static String requestId(Context context) {
    return context.req().getAttribute(RequestScope.ATTRIBUTE) instanceof RequestScope scope
        ? scope.id()
        : "unknown";
  }
}
