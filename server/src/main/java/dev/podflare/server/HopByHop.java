package dev.podflare.server;

import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;

/** Headers that belong to one connection and are not passed on (RFC 9110, 7.6.1). Stateless. */
final class HopByHop {
  private static final Set<String> ALWAYS =
      Set.of(
          "connection",
          "keep-alive",
          "proxy-connection",
          "proxy-authenticate",
          "proxy-authorization",
          "te",
          "trailer",
          "transfer-encoding",
          "upgrade",
          "expect",
          "http2-settings");

  private HopByHop() {}

  /** Names in lower case, those that the message itself declares among them. */
  static Set<String> of(HttpFields headers) {
    Set<String> names = new HashSet<>(ALWAYS);
    for (String option : headers.getCSV(HttpHeader.CONNECTION, false)) {
      names.add(option.toLowerCase(Locale.ROOT));
    }
    return names;
  }
}
