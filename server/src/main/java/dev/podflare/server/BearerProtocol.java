package dev.podflare.server;

import java.util.List;
import java.util.Optional;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Request;

/**
 * A browser's page cannot send {@code Authorization} with a WebSocket: it offers the protocol
 * {@code podflare.terminal} and beside it {@code podflare.bearer.KEY}, of which only the first is
 * accepted. Stateless.
 */
final class BearerProtocol {
  static final String NAME = "podflare.terminal";
  private static final String KEY = "podflare.bearer.";

  private BearerProtocol() {}

  static boolean offered(Request request) {
    return protocols(request).contains(NAME);
  }

  /** What {@code Authorization} would have been. */
  static Optional<String> authorization(Request request) {
    return protocols(request).stream()
        .filter(name -> name.startsWith(KEY))
        .findFirst()
        .map(name -> "Bearer " + name.substring(KEY.length()));
  }

  private static List<String> protocols(Request request) {
    return request.getHeaders().getCSV(HttpHeader.SEC_WEBSOCKET_SUBPROTOCOL, false);
  }
}
