package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.eclipse.jetty.server.Request;
import org.jspecify.annotations.Nullable;

/**
 * Tells which requests are for a guest: by the host name first, since then every path is the
 * guest's, then by the path as it was sent. Thread-safe.
 *
 * <p>A path is taken as it is, dot segments and percent signs included: the guest decides what it
 * means, and who may ask is decided by the part before it.
 */
final class PortTargets {
  private static final Pattern PATH =
      Pattern.compile("((?:/r/[^/]+)?/v1/sandboxes/([^/]+)/ports/([^/]+))(/.*)?");
  private static final Pattern TUNNEL =
      Pattern.compile("(?:/r/[^/]+)?/v1/sandboxes/([^/]+)/tunnel/([^/]+)");
  private static final Pattern TERMINAL =
      Pattern.compile("(?:/r/[^/]+)?/v1/sandboxes/([^/]+)/pty/([^/]+)/ws");
  private static final Pattern LABEL = Pattern.compile("([0-9]{1,5})-sbx[-_]([0-9a-f]{32})");

  private final Optional<String> suffix;

  PortTargets(Optional<String> domain) {
    this.suffix = domain.map(name -> "." + name);
  }

  /** Empty if the request is for the API. */
  Optional<PortTarget> find(Request request) {
    Optional<PortTarget> named = byHost(request);
    if (named.isPresent()) {
      return named;
    }
    String path = request.getHttpURI().getPath();
    return path == null ? Optional.empty() : byPath(request, path);
  }

  private Optional<PortTarget> byHost(Request request) {
    String host = request.getHttpURI().getHost();
    if (host == null || suffix.isEmpty()) {
      return Optional.empty();
    }
    String name = host.toLowerCase(Locale.ROOT);
    if (!name.endsWith(suffix.get())) {
      return Optional.empty();
    }
    Matcher label = LABEL.matcher(name.substring(0, name.length() - suffix.get().length()));
    if (!label.matches()) {
      // Never the API: its pages would share a site with those of guests.
      throw new PodflareException(
          ErrorCode.ROUTE_NOT_FOUND,
          "a host name below " + suffix.get().substring(1) + " must be PORT-SANDBOX_ID");
    }
    return Optional.of(
        new PortTarget(
            PortTarget.Kind.HOST,
            "sbx_" + label.group(2),
            label.group(1),
            "",
            orRoot(request.getHttpURI().getPath())));
  }

  private static Optional<PortTarget> byPath(Request request, String path) {
    Matcher port = PATH.matcher(path);
    if (port.matches()) {
      String rest = port.group(4) == null ? "" : port.group(4);
      if (link(request, rest)) {
        return Optional.empty();
      }
      return Optional.of(
          new PortTarget(PortTarget.Kind.PATH, port.group(2), port.group(3), port.group(1), rest));
    }
    return request.getMethod().equals("GET")
        ? socket(PortTarget.Kind.TUNNEL, TUNNEL.matcher(path), path)
            .or(() -> socket(PortTarget.Kind.TERMINAL, TERMINAL.matcher(path), path))
        : Optional.empty();
  }

  private static Optional<PortTarget> socket(PortTarget.Kind kind, Matcher matcher, String path) {
    return matcher.matches()
        ? Optional.of(new PortTarget(kind, matcher.group(1), matcher.group(2), path, ""))
        : Optional.empty();
  }

  /** The one path of the API below a port. Who comes with a link's token reaches the guest's. */
  private static boolean link(Request request, String rest) {
    return rest.equals("/link")
        && request.getMethod().equals("POST")
        && !PortCookies.present(request)
        && PortQuery.token(request.getHttpURI().getQuery()).isEmpty();
  }

  private static String orRoot(@Nullable String path) {
    return path == null || !path.startsWith("/") ? "/" : path;
  }
}
