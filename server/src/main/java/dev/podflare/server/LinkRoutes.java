package dev.podflare.server;

import dev.podflare.engine.Engine;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Makes links to guests' ports. Thread-safe. */
final class LinkRoutes {
  private final Engine engine;
  private final ServerConfig config;
  private final PortLinks links;

  LinkRoutes(Engine engine, ServerConfig config, PortLinks links) {
    this.engine = engine;
    this.config = config;
    this.links = links;
  }

  List<Route> routes() {
    return List.of(
        new Route("POST", "/v1/sandboxes/{id}/ports/{port}/link", Scope.EXEC, this::make));
  }

  private void make(Exchange exchange) {
    int port = port(exchange.path("port"));
    Duration life = exchange.fields().seconds("expires_in_seconds").orElse(PortLinks.USUAL);
    if (life.compareTo(PortLinks.LONGEST) > 0) {
      throw Fields.invalid(
          "expires_in_seconds", "at most " + PortLinks.LONGEST.toSeconds() + ", which is 7 days");
    }
    String id = exchange.path("id");
    engine.touch(exchange.caller(), id); // it must be there, and the caller's
    PortLinks.Link link = links.make(id, port, life, exchange.caller().keyId());
    exchange.answer(
        Json.object()
            .put("url", address(exchange, id, port) + "?" + PortQuery.NAME + "=" + link.token())
            .put("token", link.token())
            .put("expires_at", link.expiresAt()));
  }

  private static int port(String text) {
    int port = text.matches("[0-9]{1,5}") ? Integer.parseInt(text) : 0;
    if (port < 1 || port > 65535) {
      throw Fields.invalid("port", "a port from 1 to 65535");
    }
    return port;
  }

  /** By host name where there are such, since browsers keep guests apart by them. */
  private String address(Exchange exchange, String id, int port) {
    URI here =
        URI.create(
            config
                .endpoint()
                .orElseGet(() ->
                    exchange.context().req().getScheme()
                        + "://"
                        + exchange.header("Host").orElse("localhost")));
    Optional<String> domain = config.ports().domain();
    if (domain.isEmpty()) {
      String base = here.toString().replaceFirst("/+$", "");
      return base + "/v1/sandboxes/" + id + "/ports/" + port + "/";
    }
    String name = port + "-" + id.replace('_', '-') + "." + domain.get();
    return here.getScheme() + "://" + name + (here.getPort() < 0 ? "" : ":" + here.getPort()) + "/";
  }
}
