package dev.podflare.client;

import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * Where events are sent to. What arrives there is signed as Standard Webhooks say. Every method may
 * throw {@link ApiException}. Thread-safe.
 */
public final class Webhooks {
  private static final String PATH = "/v1/webhooks";

  private final HttpCaller http;

  Webhooks(HttpCaller http) {
    this.http = http;
  }

  private record Listing(List<WebhookInfo> webhooks) {}

  /** Makes one, which gets what happens from now on. */
  public NewWebhook add(WebhookOptions options) {
    JsonNode answer = http.create(PATH, options.body(), JsonNode.class);
    return new NewWebhook(
        Json.read(Json.bytes(answer), WebhookInfo.class), answer.path("secret").asString(""));
  }

  /** Those of this key, oldest first; of an admin key: all. */
  public List<WebhookInfo> list() {
    return List.copyOf(http.get(PATH, Listing.class).webhooks());
  }

  public WebhookInfo get(String id) {
    return http.get(PATH + "/" + Wire.encode(id), WebhookInfo.class);
  }

  /** Removes one; what was not sent yet is not sent any more. */
  public void delete(String id) {
    http.call("DELETE", PATH + "/" + Wire.encode(id));
  }
}
