package dev.podflare.server;

import java.util.HexFormat;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What goes along with one request through Jetty and Javalin. One thread at a time. */
final class RequestScope {
  static final String ATTRIBUTE = "dev.podflare.request";
  static final String HEADER = "X-Request-Id";
  private static final Pattern SANE = Pattern.compile("[A-Za-z0-9._:/+=-]{1,128}");

  private final String id;
  private final long startNanos = System.nanoTime();
  private volatile String route = "unmatched";
  private @Nullable Identity identity;

  private RequestScope(String id) {
    this.id = id;
  }

  /** Keeps the caller's id if it is sane, else makes one. */
  static RequestScope of(@Nullable String incoming) {
    return new RequestScope(
        incoming != null && SANE.matcher(incoming).matches() ? incoming : newId());
  }

  static String newId() {
    ThreadLocalRandom random = ThreadLocalRandom.current();
    HexFormat hex = HexFormat.of();
    return hex.toHexDigits(random.nextLong()) + hex.toHexDigits(random.nextLong());
  }

  String id() {
    return id;
  }

  double elapsedSeconds() {
    return (System.nanoTime() - startNanos) / 1e9;
  }

  String route() {
    return route;
  }

  void route(String path) {
    route = path;
  }

  void identity(Identity authenticated) {
    identity = authenticated;
  }

  /** Only after authentication. */
  Identity identity() {
    Identity known = identity;
    if (known == null) {
      throw new IllegalStateException("nobody was authenticated for " + route);
    }
    return known;
  }
}
