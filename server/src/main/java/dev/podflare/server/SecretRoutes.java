package dev.podflare.server;

import dev.podflare.engine.Engine;
import dev.podflare.engine.SecretView;
import dev.podflare.network.SecretRule;
import java.util.List;

/** The secrets of a sandbox, without their values. Thread-safe. */
final class SecretRoutes {
  private static final String ALL = "/v1/sandboxes/{id}/secrets";
  private static final String ONE = ALL + "/{name}";

  private final Engine engine;

  SecretRoutes(Engine engine) {
    this.engine = engine;
  }

  List<Route> routes() {
    return List.of(
        new Route("GET", ALL, Scope.READ, this::list),
        new Route("PUT", ONE, Scope.WRITE, this::put),
        new Route("DELETE", ONE, Scope.WRITE, this::delete));
  }

  private void list(Exchange exchange) {
    exchange.answer(
        Json.object()
            .put(
                "secrets",
                engine.secrets(exchange.caller(), exchange.path("id")).stream()
                    .map(it -> answer(it).map())
                    .toList()));
  }

  private void put(Exchange exchange) {
    exchange.answer(
        answer(
            engine.putSecret(
                exchange.caller(),
                exchange.path("id"),
                SecretBody.of(exchange.path("name"), exchange.fields()))));
  }

  private void delete(Exchange exchange) {
    engine.deleteSecret(exchange.caller(), exchange.path("id"), exchange.path("name"));
    exchange.noContent();
  }

  private static Json.Entries answer(SecretView secret) {
    Json.Entries answer =
        Json.object()
            .put("name", secret.name())
            .put("hosts", secret.hosts())
            .put("placeholder", secret.placeholder())
            .put("created_at", secret.createdAt())
            .put("changed_at", secret.changedAt())
            .put("uses", secret.use().uses())
            .put("refused", secret.use().refused())
            .put("last_used_at", secret.use().lastUsed());
    return switch (secret.place()) {
      case SecretRule.Place.Header header -> answer.put("header", header.name());
      case SecretRule.Place.Query query -> answer.put("query", query.name());
    };
  }
}
