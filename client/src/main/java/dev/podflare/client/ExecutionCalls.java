package dev.podflare.client;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import tools.jackson.databind.JsonNode;

/** Runs code in one sandbox and reads its streams. Thread-safe. */
final class ExecutionCalls {
  private final HttpCaller http;
  private final int maxOutputBytes;
  private final String sandbox;

  /** {@code sandbox}: path of the sandbox. */
  ExecutionCalls(HttpCaller http, int maxOutputBytes, String sandbox) {
    this.http = http;
    this.maxOutputBytes = maxOutputBytes;
    this.sandbox = sandbox;
  }

  RunResult run(RunRequest request, RunListener listener) {
    return read(http.open("POST", sandbox + "/exec", Optional.of(request.body(false))), listener);
  }

  String start(RunRequest request) {
    JsonNode answer = http.post(sandbox + "/exec", request.body(true), JsonNode.class);
    String execId = answer.path("exec_id").asString(answer.path("id").asString(""));
    if (execId.isEmpty()) {
      throw ApiException.own(ApiException.BAD_ANSWER, "no exec_id in the answer: " + answer, null);
    }
    return execId;
  }

  RunResult join(String execId, long fromSequence, RunListener listener) {
    String stream = one(execId) + "/stream?from_seq=" + fromSequence;
    return read(http.open("GET", stream, Optional.empty()), listener);
  }

  private record Listing(List<ExecutionInfo> execs) {}

  List<ExecutionInfo> list() {
    return List.copyOf(http.get(sandbox + "/execs", Listing.class).execs());
  }

  ExecutionInfo info(String execId) {
    return http.get(one(execId), ExecutionInfo.class);
  }

  void cancel(String execId) {
    http.postForNothing(one(execId) + "/cancel", Map.of());
  }

  FannedOut fanOut(FanOutOptions options, FanOutReader reader) {
    read(http.open("POST", sandbox + "/fanout", Optional.of(options.body())), reader::take);
    return reader.result();
  }

  private RunResult read(HttpResponse<DeadlineBody> response, RunListener listener) {
    String execId = response.headers().firstValue("X-Exec-Id").orElse("");
    EventReader reader = new EventReader(listener, maxOutputBytes, execId);
    AtomicReference<RunResult> result = new AtomicReference<>();
    read(
        response,
        event -> {
          reader.take(event).ifPresent(result::set);
          return result.get() != null;
        });
    return requireNonNull(result.get());
  }

  private void read(HttpResponse<DeadlineBody> response, LineReader.Taker taker) {
    try (DeadlineBody body = response.body()) {
      LineReader.read(body, taker);
    } catch (IOException failure) {
      throw http.failure(failure);
    }
  }

  private String one(String execId) {
    return sandbox + "/execs/" + Wire.encode(execId);
  }
}
