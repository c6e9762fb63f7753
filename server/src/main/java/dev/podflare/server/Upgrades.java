package dev.podflare.server;

import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpHeaderValue;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.server.Request;

/** Which requests want to become a WebSocket; other upgrades are not known. Stateless. */
final class Upgrades {
  private Upgrades() {}

  static boolean wanted(Request request) {
    return HttpMethod.GET.is(request.getMethod())
        && request.getHeaders().contains(HttpHeader.UPGRADE, "websocket")
        && request.getHeaders().contains(HttpHeader.CONNECTION, HttpHeaderValue.UPGRADE.asString())
        && request.getHeaders().contains("Sec-WebSocket-Key");
  }
}
