package dev.podflare.server;

import dev.podflare.engine.ContextRequest;
import dev.podflare.engine.ContextView;
import dev.podflare.engine.Contexts;
import dev.podflare.engine.Engine;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Interpreters of a sandbox beside its first one. Thread-safe. */
final class ContextRoutes {
  private static final String ALL = "/v1/sandboxes/{id}/contexts";
  private static final String ONE = ALL + "/{context}";

  private final Engine engine;

  ContextRoutes(Engine engine) {
    this.engine = engine;
  }

  List<Route> routes() {
    return List.of(
        new Route("POST", ALL, Scope.EXEC, this::open),
        new Route("GET", ALL, Scope.READ, this::list),
        new Route("DELETE", ONE, Scope.EXEC, this::close),
        new Route("POST", ONE + "/restart", Scope.EXEC, this::restart),
        new Route("POST", ONE + "/interrupt", Scope.EXEC, this::interrupt));
  }

  private Contexts contexts(Exchange exchange) {
    return engine.contexts(exchange.caller(), exchange.path("id"));
  }

  private void open(Exchange exchange) {
    Fields fields = exchange.fields();
    ContextRequest request =
        new ContextRequest(
            fields.shortText("language").orElse("python"),
            fields.shortText("cwd"),
            CreateBody.env(fields));
    exchange.answer(record(contexts(exchange).open(request)));
  }

  private void list(Exchange exchange) {
    List<Map<String, @Nullable Object>> all =
        contexts(exchange).list().stream().map(it -> record(it).map()).toList();
    exchange.answer(Json.object().put("contexts", all));
  }

  private void close(Exchange exchange) {
    contexts(exchange).close(exchange.path("context"));
    exchange.noContent();
  }

  private void restart(Exchange exchange) {
    exchange.answer(record(contexts(exchange).restart(exchange.path("context"))));
  }

  private void interrupt(Exchange exchange) {
    exchange.answer(record(contexts(exchange).interrupt(exchange.path("context"))));
  }

  private static Json.Entries record(ContextView context) {
    return Json.object()
        .put("context_id", context.id())
        .put("language", context.language())
        .put("cwd", context.cwd())
        .put("busy", context.busy())
        .put("created_at", context.createdAt());
  }
}
