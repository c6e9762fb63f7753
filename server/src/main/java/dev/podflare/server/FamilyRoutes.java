package dev.podflare.server;

import dev.podflare.engine.DiffRequest;
import dev.podflare.engine.Engine;
import dev.podflare.engine.FamilyMember;
import dev.podflare.engine.FanOut;
import dev.podflare.engine.FanOutRequest;
import dev.podflare.engine.FileDiff;
import dev.podflare.engine.FileDiff.FileChange;
import dev.podflare.engine.ForkRequest;
import dev.podflare.engine.ForkedSandboxes;
import dev.podflare.engine.SandboxView;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Forks, fan-outs, merges and what is asked about families. Thread-safe. */
final class FamilyRoutes {
  private static final String FORK = "/v1/sandboxes/{id}/fork";
  private static final String FAN_OUT = "/v1/sandboxes/{id}/fanout";
  private static final String MERGE = "/v1/sandboxes/{id}/merge_into/{winner}";
  private static final String DIFF = "/v1/sandboxes/{id}/diff/{other}";
  private static final String TREE = "/v1/sandboxes/{id}/tree";

  private final Engine engine;
  private final Idempotency idempotency;
  private final EventStream streams;
  private final Metrics metrics;

  FamilyRoutes(Engine engine, Idempotency idempotency, EventStream streams, Metrics metrics) {
    this.engine = engine;
    this.idempotency = idempotency;
    this.streams = streams;
    this.metrics = metrics;
  }

  List<Route> routes() {
    return List.of(
        new Route("POST", FORK, Scope.WRITE, this::fork),
        new Route("POST", FAN_OUT, Scope.WRITE, this::fanOut),
        new Route("POST", MERGE, Scope.WRITE, this::merge),
        new Route("GET", DIFF, Scope.READ, this::diff),
        new Route("GET", TREE, Scope.READ, this::tree));
  }

  private void fork(Exchange exchange) throws Exception {
    byte[] body = exchange.body();
    ForkRequest request = request(exchange.fields(body));
    String id = exchange.path("id");
    idempotency.answer(
        exchange,
        "POST /v1/sandboxes/" + id + "/fork",
        body,
        UnaryOperator.identity(),
        () -> Json.bytes(answer(engine.fork(exchange.caller(), id, request)).map()));
  }

  private void fanOut(Exchange exchange) {
    exchange.require(Scope.EXEC);
    FanOutRequest request = FanOutBody.request(exchange.fields());
    FanOut fanOut = engine.fanOut(exchange.caller(), exchange.path("id"), request);
    exchange.releaseBody();
    request.calls().forEach(call -> metrics.execution(call.language()));
    streams.send(exchange, request.calls().getFirst().framing(), new FanOutSource(fanOut));
  }

  private void merge(Exchange exchange) {
    Optional<String> siblings = exchange.query("siblings");
    if (siblings.filter(word -> !word.equals("close")).isPresent()) {
      throw Fields.invalid("siblings", "\"close\", or left out to let them live on");
    }
    engine.merge(
        exchange.caller(), exchange.path("id"), exchange.path("winner"), siblings.isPresent());
    exchange.noContent();
  }

  private void diff(Exchange exchange) {
    List<String> paths = exchange.context().queryParams("path");
    Optional<String> content = exchange.query("content");
    if (content.filter(word -> !word.equals("true") && !word.equals("false")).isPresent()) {
      throw Fields.invalid("content", "true or false");
    }
    DiffRequest request =
        new DiffRequest(
            paths.isEmpty() ? DiffRequest.USUAL_PATHS : paths,
            content.filter("true"::equals).isPresent());
    FileDiff diff =
        engine.diff(exchange.caller(), exchange.path("id"), exchange.path("other"), request);
    exchange.answer(
        Json.object()
            .put("added", changes(diff.added()))
            .put("removed", changes(diff.removed()))
            .put("modified", changes(diff.modified())));
  }

  private static List<Map<String, @Nullable Object>> changes(List<FileChange> changes) {
    return changes.stream()
        .map(change ->
            Json.object()
                .put("path", Text.writable(change.path()))
                .put("type", Text.writable(change.type()))
                .put("size", change.size())
                .put("mode", "%04o".formatted(change.mode() & 07777))
                .put("sha256", change.sha256().map(Text::writable))
                .putIfPresent("patch", change.patch().map(Text::writable))
                .map())
        .toList();
  }

  private void tree(Exchange exchange) {
    List<Map<String, @Nullable Object>> members =
        engine.tree(exchange.caller(), exchange.path("id")).stream()
            .map(FamilyRoutes::member)
            .toList();
    exchange.answer(Json.object().put("sandboxes", members));
  }

  private static Map<String, @Nullable Object> member(FamilyMember member) {
    return Json.object()
        .put("id", member.id())
        .put("parent", member.parent())
        .put("state", member.state().wireName())
        .put("created_at", member.createdAt())
        .put("closed_at", member.closedAt().map(Instant::toString))
        .put("close_reason", member.closeReason())
        .put("own_memory_bytes", member.ownMemoryBytes())
        .map();
  }

  private static ForkRequest request(Fields fields) {
    return new ForkRequest(
        fields.positive("n").orElse(1),
        fields.has("metadata") ? Optional.of(CreateBody.metadata(fields)) : Optional.empty(),
        fields.seconds("timeout_seconds"),
        fields.flag("reseed").orElse(false));
  }

  static Json.Entries answer(ForkedSandboxes forked) {
    return Json.object()
        .put("children", forked.children().stream().map(SandboxView::id).toList())
        .put("reseeded", forked.reseeded())
        .put("timings_ms", forked.timings())
        .put("parent_paused_ms", forked.parentPaused());
  }
}
