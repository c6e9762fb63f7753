package dev.podflare.server;

import dev.podflare.engine.Engine;
import dev.podflare.engine.ForkRequest;
import dev.podflare.engine.ForkedSandboxes;
import dev.podflare.engine.SandboxView;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** Forks and merges. Thread-safe. */
final class FamilyRoutes {
  private static final String FORK = "/v1/sandboxes/{id}/fork";
  private static final String MERGE = "/v1/sandboxes/{id}/merge_into/{winner}";

  private final Engine engine;
  private final Idempotency idempotency;

  FamilyRoutes(Engine engine, Idempotency idempotency) {
    this.engine = engine;
    this.idempotency = idempotency;
  }

  List<Route> routes() {
    return List.of(
        new Route("POST", FORK, Scope.WRITE, this::fork),
        new Route("POST", MERGE, Scope.WRITE, this::merge));
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

  private void merge(Exchange exchange) {
    Optional<String> siblings = exchange.query("siblings");
    if (siblings.filter(word -> !word.equals("close")).isPresent()) {
      throw Fields.invalid("siblings", "\"close\", or left out to let them live on");
    }
    engine.merge(
        exchange.caller(), exchange.path("id"), exchange.path("winner"), siblings.isPresent());
    exchange.noContent();
  }

  private static ForkRequest request(Fields fields) {
    return new ForkRequest(
        fields.positive("n").orElse(1),
        fields.has("metadata") ? Optional.of(CreateBody.metadata(fields)) : Optional.empty(),
        fields.seconds("timeout_seconds"),
        fields.flag("reseed").orElse(false));
  }

  private static Json.Entries answer(ForkedSandboxes forked) {
    return Json.object()
        .put("children", forked.children().stream().map(SandboxView::id).toList())
        .put("reseeded", forked.reseeded())
        .put("timings_ms", forked.timings())
        .put("parent_paused_ms", forked.parentPaused());
  }
}
