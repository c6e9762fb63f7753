package dev.podflare.client;

import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/** What goes wrong on the wire, as {@link ApiException}. Stateless. */
final class ApiFailures {
  private ApiFailures() {}

  /** Of a connection that could not be made or broke. */
  static ApiException of(IOException failure, URI server) {
    if (failure instanceof ConnectException || failure instanceof HttpConnectTimeoutException) {
      return ApiException.own(
          ApiException.UNREACHABLE, "no server at " + server + "; is it running?", failure);
    }
    if (failure instanceof HttpTimeoutException) {
      return ApiException.own(
          ApiException.NO_ANSWER_IN_TIME, server + " is silent: " + failure.getMessage(), failure);
    }
    return ApiException.own(
        ApiException.UNREACHABLE,
        "connection to " + server + " broke: " + failure.getMessage(),
        failure);
  }

  /**
   * Of an answer that is none of success.
   *
   * @param later the header {@code Retry-After}
   */
  static ApiException refusal(URI server, int status, Optional<String> later, byte[] body) {
    Optional<Duration> retryAfter =
        later
            .filter(it -> it.matches("\\d{1,9}"))
            .map(it -> Duration.ofSeconds(Long.parseLong(it)));
    ErrorBody error = ErrorBody.read(status, body);
    return new ApiException(
        status,
        error.code(),
        error.error(),
        error.details(),
        retryAfter.orElse(null),
        error.help().flatMap(it -> page(server, it)).orElse(null),
        null);
  }

  /** A page of the server that was asked, or one on the web. */
  private static Optional<URI> page(URI server, String reference) {
    try {
      URI page = server.resolve(reference);
      return Optional.of(page).filter(it -> it.toString().matches("https?://.*"));
    } catch (IllegalArgumentException malformed) {
      return Optional.empty();
    }
  }

  /** The wire form of a refusal; filled up where a server in between answered something else. */
  private record ErrorBody(
      String error, String code, Map<String, Object> details, Optional<String> help) {
    static ErrorBody read(int status, byte[] body) {
      try {
        Raw raw = Json.read(body, Raw.class);
        return new ErrorBody(
            raw.error().orElse("HTTP " + status),
            raw.code().orElse("http_" + status),
            raw.details().orElse(Map.of()),
            raw.help());
      } catch (ApiException notJson) {
        return new ErrorBody("HTTP " + status, "http_" + status, Map.of(), Optional.empty());
      }
    }

    record Raw(
        Optional<String> error,
        Optional<String> code,
        Optional<Map<String, Object>> details,
        Optional<String> help) {}
  }
}
