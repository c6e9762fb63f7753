package dev.podflare.server;

import dev.podflare.engine.Engine;
import dev.podflare.network.EgressPolicy;
import java.util.List;

/** What a sandbox's guest may reach. Thread-safe. */
final class NetworkRoutes {
  private static final String NETWORK = "/v1/sandboxes/{id}/network";

  private final Engine engine;

  NetworkRoutes(Engine engine) {
    this.engine = engine;
  }

  List<Route> routes() {
    return List.of(
        new Route("GET", NETWORK, Scope.READ, this::get),
        new Route("PUT", NETWORK, Scope.WRITE, this::put));
  }

  private void get(Exchange exchange) {
    exchange.answer(NetworkAnswers.network(engine.network(exchange.caller(), exchange.path("id"))));
  }

  private void put(Exchange exchange) {
    EgressPolicy policy = PolicyBody.policy(exchange.fields());
    exchange.answer(
        NetworkAnswers.network(engine.setNetwork(exchange.caller(), exchange.path("id"), policy)));
  }
}
