package dev.podflare.server;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Request;

/**
 * Our one cookie, which holds a link's token for one port, and what guests may do with cookies.
 * Stateless.
 */
final class PortCookies {
  private static final String NAME = "pf_port";

  private PortCookies() {}

  static boolean present(Request request) {
    return !tokens(request).isEmpty();
  }

  /**
   * All that stand under our name. Pages of other hosts of the same domain can set cookies for all
   * of it, which a browser then sends beside ours, and before it if they like.
   */
  static List<String> tokens(Request request) {
    return pairs(request)
        .filter(pair -> named(pair, NAME))
        .map(pair -> pair.substring(pair.indexOf('=') + 1).strip())
        .toList();
  }

  /** The cookies that are the guest's; empty if there are none. */
  static Optional<String> forGuest(Request request) {
    List<String> kept = pairs(request).filter(pair -> !named(pair, NAME)).toList();
    return kept.isEmpty() ? Optional.empty() : Optional.of(String.join("; ", kept));
  }

  /** Value of {@code Set-Cookie} that keeps a token. */
  static String keep(String token, PortTarget target, Duration life, boolean secure) {
    return NAME
        + "="
        + token
        + "; Path="
        + target.prefix()
        + "/; Max-Age="
        + Math.max(1, life.toSeconds())
        + "; HttpOnly; SameSite=Lax"
        + (secure ? "; Secure" : "");
  }

  /**
   * A guest's {@code Set-Cookie} as it may reach a browser: for this host and, by path, this port
   * alone. Empty if it would take the place of ours.
   */
  static Optional<String> ofGuest(String value, PortTarget target) {
    String[] parts = value.split(";", -1);
    if (named(parts[0], NAME)) {
      return Optional.empty();
    }
    List<String> kept = new ArrayList<>();
    kept.add(parts[0].strip());
    String path = "/";
    for (int i = 1; i < parts.length; i++) {
      String part = parts[i].strip();
      if (named(part, "path")) {
        path = part.substring(part.indexOf('=') + 1).strip();
      } else if (!named(part, "domain") && !part.isEmpty()) {
        kept.add(part);
      }
    }
    if (target.byPath()) {
      kept.add("Path=" + below(target.prefix(), path));
    } else if (path.startsWith("/")) {
      kept.add("Path=" + path);
    }
    return Optional.of(String.join("; ", kept));
  }

  private static String below(String prefix, String path) {
    if (path.equals(prefix) || path.startsWith(prefix + "/")) {
      return path;
    }
    return path.startsWith("/") ? prefix + path : prefix + "/";
  }

  private static boolean named(String pair, String name) {
    int equals = pair.indexOf('=');
    String own = equals < 0 ? pair : pair.substring(0, equals);
    return own.strip().toLowerCase(Locale.ROOT).equals(name);
  }

  private static Stream<String> pairs(Request request) {
    return request.getHeaders().getValuesList(HttpHeader.COOKIE).stream()
        .flatMap(value -> Stream.of(value.split(";", -1)))
        .map(String::strip)
        .filter(pair -> !pair.isEmpty());
  }
}
