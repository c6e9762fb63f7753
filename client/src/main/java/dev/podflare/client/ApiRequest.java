package dev.podflare.client;

import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * One call of the API, as a description.
 *
 * @param body may be sent more than once
 * @param headers names and values, one after the other
 * @param repeatable whether doing it twice is as doing it once
 * @param timeout for the head of an answer; empty: as configured
 */
record ApiRequest(
    String method,
    String path,
    BodyPublisher body,
    List<String> headers,
    boolean repeatable,
    Optional<Duration> timeout) {
  private static final Duration LONGEST_UPLOAD = Duration.ofDays(1);

  ApiRequest {
    headers = List.copyOf(headers);
  }

  /** Without a body: a GET, or a DELETE. */
  static ApiRequest of(String method, String path) {
    BodyPublisher nothing = BodyPublishers.noBody();
    return new ApiRequest(method, path, nothing, List.of(), true, Optional.empty());
  }

  /** With JSON, done once. */
  static ApiRequest of(String method, String path, Object body) {
    return new ApiRequest(
        method,
        path,
        BodyPublishers.ofByteArray(Json.bytes(body)),
        List.of("Content-Type", "application/json"),
        false,
        Optional.empty());
  }

  /** A creating POST, which its key makes safe to repeat. */
  static ApiRequest create(String path, Object body) {
    return of("POST", path, body)
        .with("Idempotency-Key", UUID.randomUUID().toString())
        .repeated(true);
  }

  /** Bytes, which take as long as they take; done once. */
  static ApiRequest upload(String path, BodyPublisher bytes) {
    List<String> type = List.of("Content-Type", "application/octet-stream");
    return new ApiRequest("PUT", path, bytes, type, false, Optional.of(LONGEST_UPLOAD));
  }

  ApiRequest repeated(boolean may) {
    return new ApiRequest(method, path, body, headers, may, timeout);
  }

  ApiRequest with(String name, String value) {
    List<String> more = new ArrayList<>(headers);
    more.add(name);
    more.add(value);
    return new ApiRequest(method, path, body, more, repeatable, timeout);
  }
}
