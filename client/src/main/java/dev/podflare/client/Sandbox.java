package dev.podflare.client;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;

/**
 * A handle on one sandbox. Closing it deletes the sandbox, unless it was merged into its parent.
 * Every method may throw {@link ApiException}. Thread-safe: Python calls run one after the other in
 * the guest, bash calls side by side.
 */
public final class Sandbox implements AutoCloseable {
  private static final RunListener NOBODY = new RunListener() {};

  private final HttpCaller http;
  private final ClientConfig config;
  private final String id;
  private final Optional<Created> created;
  private volatile boolean givenAway;

  Sandbox(HttpCaller http, ClientConfig config, String id, Optional<Created> created) {
    this.http = http;
    this.config = config;
    this.id = id;
    this.created = created;
  }

  public String id() {
    return id;
  }

  /** The answer to the create; empty for a handle made from an id. */
  public Optional<Created> created() {
    return created;
  }

  /** Runs Python to its end. */
  public RunResult runCode(String code) {
    return runCode(code, Language.PYTHON);
  }

  /** Runs code to its end. An exit code that is not 0 is a result, no error. */
  public RunResult runCode(String code, Language language) {
    return run(RunRequest.of(code, language), NOBODY);
  }

  /** Runs code to its end and tells the listener what happens meanwhile. */
  public RunResult run(RunRequest request, RunListener listener) {
    return read(http.open("POST", path("/exec"), Optional.of(request.body(false))), listener);
  }

  /** Starts code and returns its execution id at once. */
  public String start(RunRequest request) {
    JsonNode answer = http.post(path("/exec"), request.body(true), JsonNode.class);
    String execId = answer.path("exec_id").asString(answer.path("id").asString(""));
    if (execId.isEmpty()) {
      throw ApiException.own(ApiException.BAD_ANSWER, "no exec_id in the answer: " + answer, null);
    }
    return execId;
  }

  /** Joins an execution from an event on and stays to its end; output before it is not repeated. */
  public RunResult join(String execId, long fromSequence, RunListener listener) {
    String stream = exec(execId) + "/stream?from_seq=" + fromSequence;
    return read(http.open("GET", stream, Optional.empty()), listener);
  }

  private RunResult read(HttpResponse<DeadlineBody> response, RunListener listener) {
    String execId = response.headers().firstValue("X-Exec-Id").orElse("");
    EventReader reader = new EventReader(listener, config.maxOutputBytes(), execId);
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

  private record Executions(List<ExecutionInfo> execs) {}

  /** Executions, newest first. */
  public List<ExecutionInfo> execs() {
    return List.copyOf(http.get(path("/execs"), Executions.class).execs());
  }

  public ExecutionInfo execution(String execId) {
    return http.get(exec(execId), ExecutionInfo.class);
  }

  /** Interrupts; after 5 seconds the server kills. Returns at once. */
  public void cancel(String execId) {
    http.postForNothing(exec(execId) + "/cancel", Map.of());
  }

  /** The whole record. */
  public SandboxInfo info() {
    return http.get(path(""), SandboxInfo.class);
  }

  /** The policy in force, what was moved, and what was refused. */
  public NetworkInfo network() {
    return http.get(path("/network"), NetworkInfo.class);
  }

  /** Replaces the policy; in force when this returns, also for open connections. */
  public NetworkInfo setNetwork(NetworkPolicy policy) {
    return http.put(path("/network"), policy.body(), NetworkInfo.class);
  }

  public SandboxInfo patch(SandboxPatch patch) {
    return http.patch(path(""), patch.body(), SandboxInfo.class);
  }

  private record ForkAnswer(
      List<String> children,
      Optional<List<String>> reseeded,
      Optional<Map<String, Double>> timingsMs,
      Optional<Double> parentPausedMs) {}

  /** Forks the running sandbox; it runs on. All children or none. */
  public List<Sandbox> fork(int count) {
    return fork(ForkOptions.of(count)).children();
  }

  /** Forks the running sandbox; it runs on. All children or none. */
  public Forked fork(ForkOptions options) {
    ForkAnswer answer = http.create(path("/fork"), options.body(), ForkAnswer.class);
    return new Forked(
        answer.children().stream()
            .map(child -> new Sandbox(http, config, child, Optional.empty()))
            .toList(),
        answer.reseeded().orElse(List.of()),
        answer.timingsMs().orElse(Map.of()),
        answer.parentPausedMs().orElse(0.0));
  }

  /**
   * Forks this sandbox and runs code in every child, side by side; the listener hears all of them.
   * With a pick the winner's state becomes this sandbox's and the other children are closed; else
   * all live on.
   */
  public FannedOut fanOut(FanOutOptions options, FanOutListener listener) {
    FanOutReader reader =
        new FanOutReader(
            listener,
            config.maxOutputBytes(),
            child -> new Sandbox(http, config, child, Optional.empty()));
    read(http.open("POST", path("/fanout"), Optional.of(options.body())), reader::take);
    return reader.result();
  }

  /**
   * Takes the winner's state: this id goes on as the winner's machine, the winner's id is gone, and
   * closing the winner's handle does nothing. The winner must be a fork of this sandbox.
   */
  public void mergeInto(Sandbox winner) {
    mergeInto(winner, false);
  }

  /** As {@link #mergeInto(Sandbox)}; may also end this sandbox's other children. */
  public void mergeInto(Sandbox winner, boolean closeSiblings) {
    String query = closeSiblings ? "?siblings=close" : "";
    http.postForNothing(path("/merge_into/" + Wire.encode(winner.id) + query), Map.of());
    winner.givenAway = true;
  }

  /**
   * What the other sandbox's files have that this one's have not.
   *
   * @param paths absolute; none: {@code /root} and {@code /tmp}
   * @param content also patches of text files
   */
  public FileDiff diff(Sandbox other, List<String> paths, boolean content) {
    StringBuilder query = new StringBuilder("?content=").append(content);
    paths.forEach(path -> query.append("&path=").append(Wire.encode(path)));
    return http.get(path("/diff/" + Wire.encode(other.id) + query), FileDiff.class);
  }

  private record Family(List<FamilyMember> sandboxes) {}

  /** Ancestors, oldest first, then this sandbox, then all that were forked from it. */
  public List<FamilyMember> tree() {
    return List.copyOf(http.get(path("/tree"), Family.class).sandboxes());
  }

  /**
   * Where a port of the guest is reached over HTTP and WebSocket, with the API key in {@code
   * Authorization}; asks nothing of the server. Ends with a slash.
   */
  public URI portUrl(int port) {
    return config.resolve(path("/ports/" + port + "/"));
  }

  /** A link to a port for those without a key, for 1 s to 7 days. */
  public PortLink portLink(int port, Duration validity) {
    return http.post(
        path("/ports/" + port + "/link"),
        Map.of("expires_in_seconds", Wire.seconds(validity)),
        PortLink.class);
  }

  /**
   * Lets a port of this machine lead to one of the guest, for any protocol over TCP.
   *
   * @param localPort of 127.0.0.1; 0 picks a free one
   * @param failures is told why a connection could not be carried
   */
  public PortForward forward(int port, int localPort, Consumer<ApiException> failures) {
    return PortForward.start(http, path("/tunnel/" + port), localPort, failures);
  }

  /** Deletes the sandbox. Repeating it is no error. */
  public void delete() {
    http.call("DELETE", path(""));
  }

  /** Deletes the sandbox, unless it was merged. */
  @Override
  public void close() {
    if (!givenAway) {
      delete();
    }
  }

  private String path(String rest) {
    return "/v1/sandboxes/" + Wire.encode(id) + rest;
  }

  private String exec(String execId) {
    return path("/execs/" + Wire.encode(execId));
  }
}
