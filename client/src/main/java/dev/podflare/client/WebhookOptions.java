package dev.podflare.client;

import java.net.URI;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a new webhook is to be.
 *
 * @param url http or https, of a public address unless the server's operator allows others
 * @param types of events that it gets, for example {@code sandbox.closed}; empty: all
 * @param secret {@code whsec_} and base64 of 24 to 64 bytes; empty: the server makes one
 */
public record WebhookOptions(URI url, List<String> types, Optional<String> secret) {
  public WebhookOptions {
    types = List.copyOf(types);
  }

  /** All events, with a secret of the server's. */
  public static WebhookOptions of(URI url) {
    return new WebhookOptions(url, List.of(), Optional.empty());
  }

  Map<String, Object> body() {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("url", url.toString());
    if (!types.isEmpty()) {
      body.put("types", types);
    }
    secret.ifPresent(text -> body.put("secret", text));
    return body;
  }
}
