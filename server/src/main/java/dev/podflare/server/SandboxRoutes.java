package dev.podflare.server;

import dev.podflare.engine.CreateRequest;
import dev.podflare.engine.CreatedSandbox;
import dev.podflare.engine.Engine;
import dev.podflare.engine.ListRequest;
import dev.podflare.engine.PatchRequest;
import dev.podflare.engine.ResumeRequest;
import dev.podflare.engine.SandboxState;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/** Create, list, look at, change and end sandboxes. Thread-safe. */
final class SandboxRoutes {
  private static final String ALL = "/v1/sandboxes";
  private static final String ONE = "/v1/sandboxes/{id}";
  private static final int DEFAULT_PAGE = 100;
  private static final int LARGEST_PAGE = 1000;
  private static final String METADATA = "metadata.";

  private final Engine engine;
  private final ServerConfig config;
  private final Idempotency idempotency;

  SandboxRoutes(Engine engine, ServerConfig config, Idempotency idempotency) {
    this.engine = engine;
    this.config = config;
    this.idempotency = idempotency;
  }

  List<Route> routes() {
    return List.of(
        new Route("POST", ALL, Scope.WRITE, this::create),
        new Route("GET", ALL, Scope.READ, this::list),
        new Route("GET", ONE, Scope.READ, this::get),
        new Route("PATCH", ONE, Scope.WRITE, this::patch),
        new Route("DELETE", ONE, Scope.WRITE, this::delete));
  }

  private void create(Exchange exchange) throws Exception {
    byte[] body = exchange.body();
    Fields fields = exchange.fields(body);
    Supplier<CreatedSandbox> creation = creation(exchange, fields);
    idempotency.answer(
        exchange,
        "POST " + ALL,
        body,
        UnaryOperator.identity(),
        () -> Json.bytes(SandboxAnswers.created(creation.get(), config).map()));
  }

  private Supplier<CreatedSandbox> creation(Exchange exchange, Fields fields) {
    Optional<String> snapshot = fields.shortText("snapshot");
    if (snapshot.isPresent()) {
      if (fields.has("secrets")) {
        throw Fields.invalid(
            "secrets", "given to the sandbox once it is there: a snapshot brings its own");
      }
      ResumeRequest request = SavedRoutes.fromSnapshot(fields);
      return () -> engine.createFrom(exchange.caller(), snapshot.get(), request);
    }
    CreateRequest request = CreateBody.request(fields);
    return () -> engine.create(exchange.caller(), request);
  }

  private void list(Exchange exchange) {
    Map<String, String> metadata = new LinkedHashMap<>();
    for (String name : exchange.context().queryParamMap().keySet()) {
      if (name.startsWith(METADATA)) {
        exchange.query(name).ifPresent(v -> metadata.put(name.substring(METADATA.length()), v));
      }
    }
    ListRequest request =
        new ListRequest(
            exchange.query("state").map(SandboxRoutes::state),
            exchange.query("template"),
            metadata,
            exchange
                .query("limit")
                .map(text -> Numbers.inRange("limit", text, 1, LARGEST_PAGE))
                .map(Math::toIntExact)
                .orElse(DEFAULT_PAGE),
            exchange.query("cursor"));
    exchange.answer(SandboxAnswers.page(engine.list(exchange.caller(), request)));
  }

  private void get(Exchange exchange) {
    exchange.answer(SandboxAnswers.record(engine.get(exchange.caller(), exchange.path("id"))));
  }

  private void patch(Exchange exchange) {
    Fields fields = exchange.fields();
    PatchRequest request =
        new PatchRequest(
            fields.seconds("timeout_seconds"),
            fields.seconds("idle_timeout_seconds"),
            fields.flag("persistent"),
            fields.flag("auto_resume"),
            fields.has("metadata") ? Optional.of(CreateBody.metadata(fields)) : Optional.empty());
    exchange.answer(
        SandboxAnswers.record(engine.patch(exchange.caller(), exchange.path("id"), request)));
  }

  private void delete(Exchange exchange) {
    engine.delete(exchange.caller(), exchange.path("id"));
    exchange.noContent();
  }

  private static SandboxState state(String text) {
    return Arrays.stream(SandboxState.values())
        .filter(state -> state.wireName().equals(text))
        .findFirst()
        .orElseThrow(() -> Fields.invalid("state", "creating, ready, paused, frozen or closed"));
  }
}
