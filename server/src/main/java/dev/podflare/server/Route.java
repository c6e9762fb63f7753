package dev.podflare.server;

/**
 * One entry of the routing table.
 *
 * @param path in Javalin's form; {@code /v1/…} is also served below {@code /r/{region}}
 * @param scope what the caller's key must be allowed
 */
record Route(String method, String path, Scope scope, Action action) {

  /** Work of a route; may throw {@link dev.podflare.common.PodflareException}. */
  interface Action {
    void handle(Exchange exchange) throws Exception;
  }

  boolean versioned() {
    return path.startsWith("/v1/");
  }
}
