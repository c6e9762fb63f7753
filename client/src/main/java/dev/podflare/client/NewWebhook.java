package dev.podflare.client;

/**
 * A webhook that was just made.
 *
 * @param secret that verifies what it is sent; told this once
 */
public record NewWebhook(WebhookInfo webhook, String secret) {
  /** Without the secret, which must not reach a log. */
  @Override
  public String toString() {
    return "NewWebhook[" + webhook + "]";
  }
}
