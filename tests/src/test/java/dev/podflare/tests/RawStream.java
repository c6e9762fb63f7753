package dev.podflare.tests;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A stream of events as it comes over the wire, blank lines and all, which the client hides. What
 * is not read stays in the connection: at most two lines are held here. One thread.
 */
final class RawStream implements AutoCloseable {
  private static final JsonMapper JSON = JsonMapper.shared();

  private final HttpClient http;
  private final HttpResponse<InputStream> response;
  private final LinkedBlockingQueue<Optional<String>> lines = new LinkedBlockingQueue<>(2);
  private final Thread reader;

  private RawStream(TestPlatform platform, HttpRequest.Builder request) {
    http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    try {
      response =
          http.send(
              request
                  .header("Authorization", "Bearer " + platform.key)
                  .timeout(TestPlatform.PATIENCE)
                  .build(),
              HttpResponse.BodyHandlers.ofInputStream());
    } catch (IOException | InterruptedException e) {
      http.shutdownNow();
      throw new AssertionError(e);
    }
    reader = Thread.ofVirtual().start(this::read);
  }

  /** Starts an execution; {@code body} holds the fields of the request. */
  static RawStream exec(TestPlatform platform, String sandboxId, Map<String, ?> body) {
    URI uri = platform.uri.resolve("/v1/sandboxes/" + sandboxId + "/exec");
    return new RawStream(
        platform,
        HttpRequest.newBuilder(uri)
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(JSON.writeValueAsString(body))));
  }

  /** Any other stream. */
  static RawStream get(TestPlatform platform, String path) {
    return new RawStream(platform, HttpRequest.newBuilder(platform.uri.resolve(path)));
  }

  /** Joins one. */
  static RawStream join(TestPlatform platform, String sandboxId, String exec, long fromSequence) {
    String path =
        "/v1/sandboxes/" + sandboxId + "/execs/" + exec + "/stream?from_seq=" + fromSequence;
    return new RawStream(platform, HttpRequest.newBuilder(platform.uri.resolve(path)));
  }

  int status() {
    return response.statusCode();
  }

  /** Bytes of the answer before its body. */
  int headBytes() {
    int status = "HTTP/1.1 200 OK\r\n".length() + "\r\n".length();
    return status
        + response.headers().map().entrySet().stream()
            .mapToInt(header ->
                header.getValue().stream()
                    .mapToInt(value -> header.getKey().length() + value.length() + 4)
                    .sum())
            .sum();
  }

  String execId() {
    return response.headers().firstValue("X-Exec-Id").orElseThrow();
  }

  private void read() {
    try (BufferedReader in =
        new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
      for (@Nullable String line = in.readLine(); line != null; line = in.readLine()) {
        lines.put(Optional.of(line));
      }
      lines.put(Optional.empty());
    } catch (IOException | InterruptedException cut) {
      lines.offer(Optional.empty());
    }
  }

  /** The next line, which may be blank; empty at the end. */
  Optional<String> line() throws InterruptedException {
    Optional<String> line = lines.poll(TestPlatform.PATIENCE.toSeconds(), TimeUnit.SECONDS);
    if (line == null) {
      throw new AssertionError("nothing came within " + TestPlatform.PATIENCE);
    }
    return line;
  }

  /** The next event; blank lines are skipped. */
  JsonNode event() throws InterruptedException {
    Optional<String> line = line();
    while (line.isPresent() && line.get().isEmpty()) {
      line = line();
    }
    return JSON.readTree(line.orElseThrow(() -> new AssertionError("the stream has ended")));
  }

  /** All events that are left. */
  List<JsonNode> events() throws InterruptedException {
    List<JsonNode> events = new ArrayList<>();
    for (Optional<String> line = line(); line.isPresent(); line = line()) {
      if (!line.get().isEmpty()) {
        events.add(JSON.readTree(line.get()));
      }
    }
    return events;
  }

  /** Hangs up, whether or not the stream has ended. */
  @Override
  public void close() {
    http.shutdownNow();
    reader.interrupt();
  }
}
