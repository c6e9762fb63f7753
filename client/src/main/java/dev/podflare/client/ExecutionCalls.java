package dev.podflare.client;

import static java.util.Objects.requireNonNull;

import dev.podflare.client.RunEvent.Framing;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
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
    Begun begun = begin(request.body(false));
    return result(begun.execId, begun.stream, begun::read, listener);
  }

  void stream(RunRequest request, Framing framing, Consumer<RunEvent> listener) {
    Map<String, Object> body = request.body(false);
    body.put("framing", framing.name().toLowerCase(Locale.ROOT));
    begin(body).read(event -> told(event, listener));
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
    JoinedStream stream = joined(execId, fromSequence);
    return result(execId, stream, stream::read, listener);
  }

  void joinStream(String execId, long fromSequence, Consumer<RunEvent> listener) {
    joined(execId, fromSequence).read(event -> told(event, listener));
  }

  private static boolean told(JsonNode event, Consumer<RunEvent> listener) {
    RunEvent told = RunEvent.of(event);
    boolean last = told.type().equals("exit");
    if (last && !(told.data() instanceof Integer)) {
      throw LineReader.bad("an exit event without a code: " + event);
    }
    listener.accept(told);
    return last;
  }

  List<RunEvent> replay() {
    List<RunEvent> events = new ArrayList<>();
    try (DeadlineBody body = http.open(sandbox + "/replay").body()) {
      boolean ignored =
          LineReader.readAll(
              body,
              event -> {
                events.add(RunEvent.of(event));
                return false;
              });
    } catch (IOException broken) {
      throw http.failure(broken);
    }
    return List.copyOf(events);
  }

  private record Listing(List<ExecutionInfo> execs) {}

  List<ExecutionInfo> list() {
    return List.copyOf(http.get(sandbox + "/execs", Listing.class).execs());
  }

  ExecutionInfo info(String execId) {
    return http.get(one(execId), ExecutionInfo.class);
  }

  void cancel(String execId) {
    http.call(ApiRequest.of("POST", one(execId) + "/cancel", Map.of()).repeated(true));
  }

  private void cancelQuietly(String execId) {
    try {
      cancel(execId);
    } catch (ApiException gone) {
      // It has ended, or its server has: there is nothing to interrupt.
    }
  }

  void input(String execId, byte[] bytes) {
    String text = Base64.getEncoder().encodeToString(bytes);
    http.postForNothing(one(execId) + "/stdin", Map.of("data_b64", text));
  }

  void closeInput(String execId) {
    http.postForNothing(one(execId) + "/stdin", Map.of("eof", true));
  }

  /** A stream that is cut cannot be joined again, since the server ends the children then. */
  FannedOut fanOut(FanOutOptions options, FanOutReader reader) {
    ApiRequest request = ApiRequest.of("POST", sandbox + "/fanout", options.body());
    try (DeadlineBody body = http.open(request).body()) {
      LineReader.read(body, reader::take);
    } catch (IOException failure) {
      throw http.failure(failure);
    }
    return reader.result();
  }

  /** An execution whose first connection is open. */
  private final class Begun {
    final String execId;
    final JoinedStream stream;
    private final ApiAnswer response;

    Begun(ApiAnswer response) {
      this.response = response;
      this.execId = response.header("X-Exec-Id").orElse("");
      this.stream = joined(execId, 0);
    }

    /** Whoever is interrupted while he waits wants the code interrupted, too. */
    void read(LineReader.Taker taker) {
      try {
        stream.read(response, !execId.isEmpty(), taker);
      } catch (ApiException stopped) {
        if (!execId.isEmpty() && Thread.interrupted()) {
          cancelQuietly(execId);
          Thread.currentThread().interrupt();
        }
        throw stopped;
      }
    }
  }

  private Begun begin(Map<String, Object> body) {
    return new Begun(http.open(ApiRequest.of("POST", sandbox + "/exec", body)));
  }

  private JoinedStream joined(String execId, long fromSequence) {
    String path = one(execId) + "/stream?from_seq=";
    return new JoinedStream(http, next -> path + next, fromSequence);
  }

  private interface Reading {
    void to(LineReader.Taker taker);
  }

  private RunResult result(
      String execId, JoinedStream stream, Reading reading, RunListener listener) {
    EventReader reader = new EventReader(listener, maxOutputBytes, execId);
    AtomicReference<RunResult> result = new AtomicReference<>();
    reading.to(event -> {
      reader.take(event).ifPresent(result::set);
      return result.get() != null;
    });
    RunResult whole = requireNonNull(result.get());
    return stream.missed() == 0 ? whole : whole.withTruncated();
  }

  private String one(String execId) {
    return sandbox + "/execs/" + Wire.encode(execId);
  }
}
