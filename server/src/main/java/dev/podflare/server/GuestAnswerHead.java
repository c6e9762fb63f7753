package dev.podflare.server;

import java.util.Locale;
import java.util.Set;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpFields;

/**
 * What a guest's answer says, as it may reach the caller. {@link PortAccess} tells what a browser
 * must be kept from. Stateless.
 */
final class GuestAnswerHead {
  private static final HttpField SANDBOX =
      new HttpField(
          "Content-Security-Policy",
          "sandbox allow-scripts allow-forms allow-popups allow-downloads allow-modals");

  /** Of the connection, or of the whole host, over which a guest has no say. */
  private static final Set<String> NEVER =
      Set.of("alt-svc", "strict-transport-security", "public-key-pins");

  /** Of the whole origin, which by path is the API's. */
  private static final Set<String> NOT_BY_PATH =
      Set.of(
          "clear-site-data", "service-worker-allowed", "report-to", "nel", "reporting-endpoints");

  private GuestAnswerHead() {}

  /** Adds the guest's headers to those that the answer has already; some take their place. */
  static void copy(HttpFields from, HttpFields.Mutable to, PortTarget target) {
    Set<String> dropped = HopByHop.of(from);
    for (HttpField field : from) {
      String name = field.getName().toLowerCase(Locale.ROOT);
      boolean withheld =
          dropped.contains(name)
              || NEVER.contains(name)
              || (target.byPath() && NOT_BY_PATH.contains(name));
      if (!withheld) {
        copy(name, field, to, target);
      }
    }
    if (target.byPath()) {
      to.add(SANDBOX);
    }
  }

  private static void copy(String name, HttpField field, HttpFields.Mutable to, PortTarget target) {
    String value = field.getValue() == null ? "" : field.getValue();
    switch (name) {
      case "date", "x-request-id", "content-length" -> to.put(field.getName(), value);
      case "set-cookie" ->
          PortCookies.ofGuest(value, target).ifPresent(kept -> to.add(field.getName(), kept));
      case "location", "content-location" -> to.add(field.getName(), below(value, target));
      default -> to.add(field.getName(), value);
    }
  }

  /** A guest knows nothing of the prefix, so its own absolute addresses are brought below it. */
  private static String below(String location, PortTarget target) {
    if (!target.byPath()) {
      return location;
    }
    String rest = location;
    for (String own :
        Set.of("http://localhost:" + target.port(), "https://localhost:" + target.port())) {
      if (location.equals(own) || location.startsWith(own + "/")) {
        rest = location.length() == own.length() ? "/" : location.substring(own.length());
      }
    }
    boolean ofThisHost = rest.startsWith("/") && !rest.startsWith("//");
    boolean there = rest.equals(target.prefix()) || rest.startsWith(target.prefix() + "/");
    return ofThisHost && !there ? target.prefix() + rest : rest;
  }
}
