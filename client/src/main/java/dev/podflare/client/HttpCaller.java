package dev.podflare.client;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Sends requests, repeats what can be repeated, and turns whatever goes wrong into {@link
 * ApiException}. Thread-safe.
 */
final class HttpCaller implements AutoCloseable {
  private static final int MAX_ANSWER_BYTES = 64 << 20;

  private final ClientConfig config;
  private final ExecutorService executor;
  private final HttpClient http;

  HttpCaller(ClientConfig config) {
    this.config = config;
    this.executor = Executors.newVirtualThreadPerTaskExecutor();
    HttpClient.Builder builder =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(config.connectTimeout())
            .executor(executor);
    if ("http".equals(config.baseUrl().getScheme())) {
      builder.sslContext(PlainHttp.withoutTls());
    }
    this.http = builder.build();
  }

  /** For somebody else, over the connections of another, who closes them. */
  HttpCaller(ClientConfig config, HttpCaller connections) {
    this.config = config;
    this.executor = connections.executor;
    this.http = connections.http;
  }

  ClientConfig config() {
    return config;
  }

  <T> T get(String path, Class<T> type) {
    return Json.read(call("GET", path), type);
  }

  byte[] call(String method, String path) {
    return call(ApiRequest.of(method, path));
  }

  <T> T post(String path, Object body, Class<T> type) {
    return Json.read(call(ApiRequest.of("POST", path, body)), type);
  }

  /** A POST that may be done twice. */
  <T> T postAgain(String path, Object body, Class<T> type) {
    return Json.read(call(ApiRequest.of("POST", path, body).repeated(true)), type);
  }

  void postForNothing(String path, Object body) {
    call(ApiRequest.of("POST", path, body));
  }

  <T> T put(String path, Object body, Class<T> type) {
    return Json.read(call(ApiRequest.of("PUT", path, body).repeated(true)), type);
  }

  <T> T patch(String path, Object body, Class<T> type) {
    return Json.read(call(ApiRequest.of("PATCH", path, body)), type);
  }

  <T> T create(String path, Object body, Class<T> type) {
    return Json.read(call(ApiRequest.create(path, body)), type);
  }

  /** Does a call to its end; the bytes of its answer. */
  byte[] call(ApiRequest request) {
    Patience patience = patience(request);
    while (true) {
      try {
        return readWhole(send(request, patience));
      } catch (ApiException failure) {
        sleep(patience.pause(failure, request.repeatable()).orElseThrow(() -> failure));
      }
    }
  }

  /** Opens a stream; the caller closes the body. */
  ApiAnswer open(ApiRequest request) {
    Patience patience = patience(request);
    while (true) {
      try {
        return send(request, patience);
      } catch (ApiException failure) {
        sleep(patience.pause(failure, request.repeatable()).orElseThrow(() -> failure));
      }
    }
  }

  /** Opens a stream by a GET; the caller closes the body. */
  ApiAnswer open(String path) {
    return open(ApiRequest.of("GET", path));
  }

  private Patience patience(ApiRequest request) {
    Duration span = request.timeout().orElse(config.callTimeout());
    return Patience.ofCall(span, config.busyTimeout(), config.retries());
  }

  /** Waits before the next attempt; throws if this was closed meanwhile. */
  void sleep(Duration pause) {
    try {
      Thread.sleep(pause);
    } catch (InterruptedException interrupted) {
      throw interrupted(interrupted);
    }
    if (executor.isShutdown()) {
      throw ApiException.own(ApiException.UNREACHABLE, "this client is closed", null);
    }
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
      throw ApiFailures.refusal(config.baseUrl(), refused.status, refused.retryAfter, refused.body);
    } catch (SocketTimeoutException silent) {
      throw ApiException.own(
          ApiException.NO_ANSWER_IN_TIME, config.baseUrl() + " opens no WebSocket", silent);
    } catch (IOException broken) {
      throw failure(broken);
    }
  }

  private ApiAnswer send(ApiRequest request, Patience patience) {
    HttpRequest.Builder built =
        HttpRequest.newBuilder(config.resolve(request.path()))
            .timeout(patience.remaining())
            .method(request.method(), request.body());
    config.key().ifPresent(key -> built.header("Authorization", "Bearer " + key));
    if (!request.headers().isEmpty()) {
      built.headers(request.headers().toArray(String[]::new));
    }
    ApiAnswer answer = sent(built.build());
    if (answer.status() / 100 != 2) {
      throw refusal(answer);
    }
    return answer;
  }

  /** A connection may break in the moment in which the head has come; then the body is broken. */
  private ApiAnswer sent(HttpRequest request) {
    AtomicReference<ApiAnswer> begun = new AtomicReference<>();
    BodyHandler<DeadlineBody> handler =
        head -> {
          DeadlineBody body = new DeadlineBody(config.silenceTimeout());
          begun.set(new ApiAnswer(head.statusCode(), head.headers(), body));
          return body;
        };
    try {
      HttpResponse<DeadlineBody> response = http.send(request, handler);
      return new ApiAnswer(response.statusCode(), response.headers(), response.body());
    } catch (IOException failure) {
      ApiAnswer answer = begun.get();
      if (answer == null) {
        throw failure(failure);
      }
      answer.body().breakOff(failure);
      return answer;
    } catch (InterruptedException interrupted) {
      throw interrupted(interrupted);
    }
  }

  private static ApiException interrupted(InterruptedException interrupted) {
    Thread.currentThread().interrupt();
    return ApiException.own(ApiException.UNREACHABLE, "interrupted while waiting", interrupted);
  }

  private byte[] readWhole(ApiAnswer response) {
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
    return ApiFailures.of(failure, config.baseUrl());
  }

  private ApiException refusal(ApiAnswer response) {
    byte[] body = readWhole(response);
    Optional<String> later = response.header("Retry-After");
    return ApiFailures.refusal(config.baseUrl(), response.status(), later, body);
  }

  /** Ends open connections; streams being read break. */
  @Override
  public void close() {
    executor.shutdown();
    http.shutdownNow();
  }
}
