package dev.podflare.server;

import java.util.ArrayList;
import java.util.List;

/** Routes of the contract that are not served yet: they say so and do nothing. Thread-safe. */
final class LaterRoutes {
  private static final String SANDBOX = "/v1/sandboxes/{id}";

  private final List<Route> routes = new ArrayList<>();

  List<Route> routes() {
    add("measuring one sandbox", Scope.READ, "GET " + SANDBOX + "/metrics");
    add("the list of templates", Scope.READ, "GET /v1/templates", "GET /v1/templates/{name}");
    add("building templates over HTTP", Scope.ADMIN, "POST /v1/templates");
    return List.copyOf(routes);
  }

  private void add(String subject, Scope scope, String... methodsAndPaths) {
    for (String each : methodsAndPaths) {
      int space = each.indexOf(' ');
      routes.add(
          new Route(
              each.substring(0, space),
              each.substring(space + 1),
              scope,
              exchange -> {
                throw Exchange.notYet(
                    subject + " is not available yet in this version of Podflare");
              }));
    }
  }
}
