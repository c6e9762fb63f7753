package dev.podflare.client;

import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Sends requests and turns whatever goes wrong into {@link ApiException}. Thread-safe. */
final class HttpCaller implements AutoCloseable {
  private static final int MAX_ANSWER_BYTES = 64 << 20;
  private static final Duration LONGEST_UPLOAD = Duration.ofDays(1);

  private final ClientConfig config;
  private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
  private final HttpClient http;

  HttpCaller(ClientConfig config) {
    this.config = config;
    this.http =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(config.connectTimeout())
            .executor(executor)
            .build();
  }

  <T> T get(String path, Class<T> type) {
    return Json.read(call("GET", path), type);
  }

  byte[] call(String method, String path) {
    try {
      return readWhole(send(request(method, path, BodyPublishers.noBody())));
    } catch (ApiException failure) {
      // A kept connection may have been closed under us; these methods can be repeated.
      if (!(failure.getCause() instanceof IOException broken) || isFinal(broken)) {
        throw failure;
      }
      return readWhole(send(request(method, path, BodyPublishers.noBody())));
    }
  }

  <T> T post(String path, Object body, Class<T> type) {
    return Json.read(readWhole(send(withBody("POST", path, body).build())), type);
  }

  void postForNothing(String path, Object body) {
    readWhole(send(withBody("POST", path, body).build()));
  }

  <T> T put(String path, Object body, Class<T> type) {
    return Json.read(readWhole(send(withBody("PUT", path, body).build())), type);
  }

  <T> T patch(String path, Object body, Class<T> type) {
    return Json.read(readWhole(send(withBody("PATCH", path, body).build())), type);
  }

  /** A creating POST: the key makes it safe to repeat, so a broken connection is tried again. */
  <T> T create(String path, Object body, Class<T> type) {
    HttpRequest request =
        withBody("POST", path, body)
            .header("Idempotency-Key", UUID.randomUUID().toString())
            .build();
    try {
      return Json.read(readWhole(send(request)), type);
    } catch (ApiException failure) {
      if (!(failure.getCause() instanceof IOException broken) || isFinal(broken)) {
        throw failure;
      }
      return Json.read(readWhole(send(request)), type);
    }
  }

  /** Opens a stream; the caller closes the body. */
  HttpResponse<DeadlineBody> open(String method, String path, Optional<Object> body) {
    HttpRequest request =
        body.isPresent()
            ? withBody(method, path, body.get()).build()
            : request(method, path, BodyPublishers.noBody());
    return send(request);
  }

  /** Opens a stream of a part; the caller closes the body. */
  HttpResponse<DeadlineBody> openRange(String path, String range) {
    return send(builder(path).header("Range", range).GET().build());
  }

  /** A body that takes as long as it takes. {@code headers}: names and values. */
  byte[] upload(String path, BodyPublisher body, String... headers) {
    HttpRequest.Builder request =
        builder(path)
            .timeout(LONGEST_UPLOAD)
            .header("Content-Type", "application/octet-stream")
            .PUT(body);
    if (headers.length > 0) {
      request.headers(headers);
    }
    return readWhole(send(request.build()));
  }

  /** Opens a WebSocket, which nobody hears yet; a server's refusal comes with its own code. */
  WebSocketLink webSocket(String path) {
    WebSocketHandshake handshake =
        new WebSocketHandshake(config.resolve(path), config.connectTimeout(), config.callTimeout());
    Map<String, String> headers =
        config.key().map(key -> Map.of("Authorization", "Bearer " + key)).orElse(Map.of());
    try {
      return handshake.open(headers);
    } catch (WebSocketHandshake.Refused refused) {
      throw refusal(refused.status, refused.retryAfter, refused.body);
    } catch (SocketTimeoutException silent) {
      throw ApiException.own(
          ApiException.NO_ANSWER_IN_TIME, config.baseUrl() + " opens no WebSocket", silent);
    } catch (IOException broken) {
      throw failure(broken);
    }
  }

  private static boolean isFinal(IOException failure) {
    return failure instanceof HttpTimeoutException || failure instanceof ConnectException;
  }

  private HttpRequest request(String method, String path, BodyPublisher body) {
    return builder(path).method(method, body).build();
  }

  private HttpRequest.Builder withBody(String method, String path, Object body) {
    return builder(path)
        .header("Content-Type", "application/json")
        .method(method, BodyPublishers.ofByteArray(Json.bytes(body)));
  }

  private HttpRequest.Builder builder(String path) {
    HttpRequest.Builder builder =
        HttpRequest.newBuilder(config.resolve(path)).timeout(config.callTimeout());
    config.key().ifPresent(key -> builder.header("Authorization", "Bearer " + key));
    return builder;
  }

  private HttpResponse<DeadlineBody> send(HttpRequest request) {
    try {
      HttpResponse<DeadlineBody> response =
          http.send(request, head -> new DeadlineBody(config.silenceTimeout()));
      if (response.statusCode() / 100 != 2) {
        throw refusal(response);
      }
      return response;
    } catch (IOException failure) {
      throw failure(failure);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw ApiException.own(ApiException.UNREACHABLE, "interrupted while waiting", interrupted);
    }
  }

  private byte[] readWhole(HttpResponse<DeadlineBody> response) {
    try (DeadlineBody body = response.body()) {
      byte[] bytes = body.readNBytes(MAX_ANSWER_BYTES);
      if (body.read() >= 0) {
        throw ApiException.own(
            ApiException.BAD_ANSWER, "answer of more than " + MAX_ANSWER_BYTES + " bytes", null);
      }
      return bytes;
    } catch (IOException failure) {
      throw failure(failure);
    }
  }

  ApiException failure(IOException failure) {
    String where = config.baseUrl().toString();
    if (failure instanceof ConnectException) {
      return ApiException.own(
          ApiException.UNREACHABLE, "no server at " + where + "; is it running?", failure);
    }
    if (failure instanceof HttpTimeoutException) {
      return ApiException.own(
          ApiException.NO_ANSWER_IN_TIME, where + " is silent: " + failure.getMessage(), failure);
    }
    return ApiException.own(
        ApiException.UNREACHABLE,
        "connection to " + where + " broke: " + failure.getMessage(),
        failure);
  }

  private ApiException refusal(HttpResponse<DeadlineBody> response) {
    byte[] body = readWhole(response);
    return refusal(response.statusCode(), response.headers().firstValue("Retry-After"), body);
  }

  private static ApiException refusal(int status, Optional<String> later, byte[] body) {
    Optional<Duration> retryAfter =
        later
            .filter(it -> it.matches("\\d{1,9}"))
            .map(it -> Duration.ofSeconds(Long.parseLong(it)));
    ErrorBody error = ErrorBody.read(status, body);
    return new ApiException(
        status, error.code(), error.error(), error.details(), retryAfter.orElse(null), null);
  }

  /** Ends open connections; streams being read break. */
  @Override
  public void close() {
    http.shutdownNow();
    executor.shutdown();
  }

  /** The wire form of a refusal; filled up where a server in between answered something else. */
  private record ErrorBody(String error, String code, Map<String, Object> details) {
    static ErrorBody read(int status, byte[] body) {
      try {
        Raw raw = Json.read(body, Raw.class);
        return new ErrorBody(
            raw.error().orElse("HTTP " + status),
            raw.code().orElse("http_" + status),
            raw.details().orElse(Map.of()));
      } catch (ApiException notJson) {
        return new ErrorBody("HTTP " + status, "http_" + status, Map.of());
      }
    }

    record Raw(
        Optional<String> error, Optional<String> code, Optional<Map<String, Object>> details) {}
  }
}
