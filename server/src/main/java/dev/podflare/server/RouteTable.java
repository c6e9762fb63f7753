package dev.podflare.server;

import dev.podflare.common.PodflareException;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.HandlerType;
import io.javalin.http.HttpResponseException;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Puts the routes into Javalin: first authentication and the key's rate, for every address but the
 * public ones (an unknown address tells a stranger nothing), then scope, then the route's action.
 * Thread-safe.
 */
final class RouteTable {
  private static final String REGION = "/r/{region}";

  private final List<Route> routes;
  private final Authenticator authenticator;
  private final RequestLimits limits;
  private final JsonBodies bodies;
  private final BodyBudget budget;
  private final LocalOnly localOnly;
  private final List<Pattern> open;

  RouteTable(
      List<Route> routes,
      Authenticator authenticator,
      RequestLimits limits,
      JsonBodies bodies,
      BodyBudget budget,
      LocalOnly localOnly) {
    this.routes = List.copyOf(routes);
    this.authenticator = authenticator;
    this.limits = limits;
    this.bodies = bodies;
    this.budget = budget;
    this.localOnly = localOnly;
    this.open =
        routes.stream()
            .filter(route -> route.scope() == Scope.PUBLIC)
            .map(route ->
                Pattern.compile("(/r/[^/]+)?" + route.path().replaceAll("\\{\\w+}", "[^/]+")))
            .toList();
  }

  void register(RoutesConfig config) {
    config.before(this::admit);
    for (Route route : routes) {
      HandlerType method = HandlerType.findOrCreate(route.method());
      config.addHttpHandler(method, route.path(), context -> run(route, context));
      if (route.versioned()) {
        config.addHttpHandler(method, REGION + route.path(), context -> run(route, context));
      }
    }
    config.exception(
        PodflareException.class, (failure, context) -> Errors.answer(context, failure));
    config.exception(
        HttpResponseException.class, (failure, context) -> Errors.answer(context, failure));
    config.exception(
        Exception.class, (failure, context) -> Errors.answerUnexpected(context, failure));
  }

  private void admit(Context context) {
    Addresses.check(context.req().getRequestURI());
    Addresses.check(context.req().getQueryString());
    localOnly.check(context);
    if (isPublic(context.path())) {
      return;
    }
    Identity identity = authenticator.authenticate(context.header("Authorization"));
    limits.take(identity);
    scope(context).identity(identity);
  }

  private void run(Route route, Context context) throws Exception {
    RequestScope scope = scope(context);
    scope.route(route.path());
    if (route.scope() != Scope.PUBLIC) {
      scope.identity().require(route.scope());
    }
    try (Exchange exchange = new Exchange(context, scope, bodies, budget.share())) {
      route.action().handle(exchange);
    }
  }

  private boolean isPublic(String path) {
    for (Pattern each : open) {
      if (each.matcher(path).matches()) {
        return true;
      }
    }
    return false;
  }

  private static RequestScope scope(Context context) {
    if (context.req().getAttribute(RequestScope.ATTRIBUTE) instanceof RequestScope scope) {
      return scope;
    }
    throw new IllegalStateException("the request came past the gate");
  }
}
