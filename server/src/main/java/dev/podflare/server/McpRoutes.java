package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.mcp.Features;
import dev.podflare.mcp.HttpSession;
import dev.podflare.mcp.HttpSessions;
import dev.podflare.mcp.Incoming;
import dev.podflare.mcp.McpException;
import dev.podflare.mcp.ProtocolVersions;
import java.io.IOException;
import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * MCP over streamable HTTP. Calls of tools are answered as streams, which can be gone on with after
 * a cut; all else as JSON. We never speak unasked, so there is no stream for that. Thread-safe.
 */
final class McpRoutes {
  private static final String PATH = "/mcp";
  private static final String SESSION = "Mcp-Session-Id";
  private static final String VERSION = "MCP-Protocol-Version";
  private static final String LAST_EVENT = "Last-Event-ID";
  private static final Pattern LOCAL =
      Pattern.compile("https?://(localhost|127(\\.\\d{1,3}){3}|\\[::1])(:\\d{1,5})?");

  /** What a new session offers. */
  interface Source {
    Features open(Exchange exchange);
  }

  private final HttpSessions sessions;
  private final McpStreams streams;
  private final Source source;
  private final Optional<String> ownOrigin;

  McpRoutes(HttpSessions sessions, McpStreams streams, Source source, ServerConfig config) {
    this.sessions = sessions;
    this.streams = streams;
    this.source = source;
    this.ownOrigin = config.endpoint().map(McpRoutes::origin);
  }

  List<Route> routes() {
    return List.of(
        new Route("POST", PATH, Scope.ANY, this::post),
        new Route("GET", PATH, Scope.ANY, this::goOn),
        new Route("DELETE", PATH, Scope.ANY, this::end));
  }

  private void post(Exchange exchange) throws IOException {
    check(exchange);
    requireAccept(exchange, "application/json", "text/event-stream");
    byte[] body = exchange.body();
    Incoming message;
    try {
      message = Incoming.parse(body);
    } catch (McpException malformed) {
      exchange.answer(400, malformed.message(null));
      return;
    }
    if (message instanceof Incoming.Request request && request.initializes()) {
      begin(exchange, request);
      return;
    }
    HttpSession session = session(exchange);
    switch (message) {
      case Incoming.Request request when request.isCall() ->
          streams.send(exchange, sessions.begin(session, request), 0, true);
      case Incoming.Request request -> answer(exchange, session, request);
      case Incoming.Notification notification -> {
        session.take(notification);
        exchange.context().status(202);
      }
      case Incoming.Reply _ -> exchange.context().status(202);
    }
  }

  private void begin(Exchange exchange, Incoming.Request request) {
    if (exchange.header(SESSION).isPresent()) {
      throw bad("initialize begins a session; send it without " + SESSION);
    }
    HttpSession session = sessions.open(exchange.caller().keyId(), source.open(exchange));
    answer(exchange, session, request);
    if (session.hasBegun()) {
      exchange.context().header(SESSION, session.id());
    } else {
      sessions.close(session);
    }
  }

  private static void answer(Exchange exchange, HttpSession session, Incoming.Request request) {
    session
        .answer(request)
        .ifPresentOrElse(it -> exchange.answer(200, it), () -> exchange.context().status(202));
  }

  private void goOn(Exchange exchange) throws IOException {
    check(exchange);
    requireAccept(exchange, "text/event-stream");
    HttpSession session = session(exchange);
    Optional<HttpSession.Place> place =
        exchange.header(LAST_EVENT).map(String::strip).flatMap(session::after);
    if (place.isEmpty()) {
      exchange.context().header("Allow", "POST, DELETE");
      throw new PodflareException(
          ErrorCode.METHOD_NOT_ALLOWED,
          exchange.header(LAST_EVENT).isPresent()
              ? "nothing comes after that event, or it is not kept any more"
              : "this server does not speak unasked; GET goes on with a stream after a "
                  + LAST_EVENT);
    }
    streams.send(exchange, place.get().stream(), place.get().after(), false);
  }

  private void end(Exchange exchange) {
    check(exchange);
    sessions.close(session(exchange));
    exchange.noContent();
  }

  private HttpSession session(Exchange exchange) {
    String id =
        exchange
            .header(SESSION)
            .orElseThrow(() -> bad("send " + SESSION + ", which initialize has given"));
    return sessions.get(id, exchange.caller().keyId());
  }

  private void check(Exchange exchange) {
    exchange.header("Origin").ifPresent(this::requireKnown);
    exchange
        .header(VERSION)
        .filter(version -> !ProtocolVersions.isKnown(version))
        .ifPresent(version -> {
          throw bad(VERSION + " names a version that is not known here");
        });
  }

  /** A web page of somebody's must not reach a server in the browser's own network. */
  private void requireKnown(String origin) {
    boolean own = ownOrigin.filter(origin.toLowerCase(Locale.ROOT)::equals).isPresent();
    if (!own && !LOCAL.matcher(origin).matches()) {
      throw new PodflareException(
          ErrorCode.FORBIDDEN, "Origin is neither this host nor the server's endpoint");
    }
  }

  private static void requireAccept(Exchange exchange, String... types) {
    String accept = exchange.header("Accept").orElse("*/*").toLowerCase(Locale.ROOT);
    for (String type : types) {
      String whole = type.substring(0, type.indexOf('/')) + "/*";
      if (!accept.contains(type) && !accept.contains(whole) && !accept.contains("*/*")) {
        throw bad("Accept must name " + String.join(" and ", types));
      }
    }
  }

  private static String origin(String endpoint) {
    URI uri = URI.create(endpoint);
    String port = uri.getPort() < 0 ? "" : ":" + uri.getPort();
    return (uri.getScheme() + "://" + uri.getHost() + port).toLowerCase(Locale.ROOT);
  }

  private static PodflareException bad(String sentence) {
    return new PodflareException(ErrorCode.BAD_REQUEST, sentence);
  }
}
