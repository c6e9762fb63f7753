package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Set;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Request;

/**
 * Head of the request that a guest gets, written anew so that it has exactly one meaning: one
 * length or chunks, one Host, no line breaks in values, our own word on who asks and how. A
 * connection carries one request only, so nothing can hide behind its end. One thread.
 */
final class GuestRequestHead {
  /** We write these ourselves, or the guest must not see them. */
  private static final Set<String> OURS =
      Set.of("host", "content-length", "cookie", "forwarded", "x-real-ip");

  private final PortAccess access;
  private final Request request;
  private final PortTarget target;
  private final StringBuilder text = new StringBuilder(1024);

  private GuestRequestHead(PortAccess access, Request request, PortTarget target) {
    this.access = access;
    this.request = request;
    this.target = target;
  }

  static byte[] of(PortAccess access, Request request, PortTarget target) {
    GuestRequestHead head = new GuestRequestHead(access, request, target);
    head.requestLine();
    head.passOn();
    head.forwarded();
    head.framing();
    return head.text.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1);
  }

  /** Whether a body of unknown length follows, in chunks. */
  static boolean chunked(Request request) {
    return request.getHeaders().contains(HttpHeader.TRANSFER_ENCODING);
  }

  static boolean hasBody(Request request) {
    return chunked(request) || request.getLength() > 0;
  }

  private void requestLine() {
    String address = target.path() + PortQuery.without(request.getHttpURI().getQuery());
    if (!visible(request.getMethod()) || !visible(address)) {
      throw new PodflareException(
          ErrorCode.BAD_REQUEST, "the address has characters that must be percent-encoded");
    }
    text.append(request.getMethod()).append(' ').append(address).append(" HTTP/1.1\r\n");
  }

  private static boolean visible(String part) {
    return part.chars().allMatch(c -> c > ' ' && c < 127);
  }

  private void passOn() {
    HttpFields headers = request.getHeaders();
    Set<String> dropped = HopByHop.of(headers);
    for (HttpField field : headers) {
      String name = field.getName().toLowerCase(Locale.ROOT);
      boolean forwarded = name.startsWith("x-forwarded-");
      boolean key =
          name.equals("authorization") && field.getValue() != null && access.ours(field.getValue());
      if (!dropped.contains(name) && !OURS.contains(name) && !forwarded && !key) {
        put(field.getName(), field.getValue() == null ? "" : field.getValue());
      }
    }
    PortCookies.forGuest(request).ifPresent(cookies -> put("Cookie", cookies));
  }

  private void forwarded() {
    String host = request.getHeaders().get(HttpHeader.HOST);
    String asked = host == null ? "localhost" : host;
    put("Host", target.byPath() ? "localhost:" + target.portNumber() : asked);
    put("X-Forwarded-For", Request.getRemoteAddr(request));
    put("X-Forwarded-Host", asked);
    put("X-Forwarded-Proto", request.isSecure() ? "https" : "http");
    if (target.byPath()) {
      put("X-Forwarded-Prefix", target.prefix());
    }
  }

  private void framing() {
    if (Upgrades.wanted(request)) {
      if (hasBody(request)) {
        throw new PodflareException(
            ErrorCode.BAD_REQUEST, "a WebSocket begins with a request that has no body");
      }
      put("Connection", "Upgrade");
      put("Upgrade", "websocket");
      return;
    }
    put("Connection", "close");
    if (chunked(request)) {
      put("Transfer-Encoding", "chunked");
    } else if (request.getLength() >= 0) {
      put("Content-Length", Long.toString(request.getLength()));
    }
  }

  private void put(String name, String value) {
    text.append(name).append(": ");
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      boolean harmless = (c >= ' ' && c != 127 && c < 256) || c == '\t';
      text.append(harmless ? c : ' ');
    }
    text.append("\r\n");
  }
}
