package dev.podflare.store;

import java.time.Instant;
import java.util.Optional;

/**
 * An event that is to be sent to a webhook.
 *
 * @param attempts that were begun so far
 * @param firstAt beginning of the first of them
 * @param nextAt when the next one may begin
 */
public record WebhookDelivery(
    String webhookId,
    long eventId,
    String sandboxId,
    int attempts,
    Optional<Instant> firstAt,
    Instant nextAt) {

  WebhookDelivery claimed(Instant now, Instant until) {
    return new WebhookDelivery(
        webhookId, eventId, sandboxId, attempts + 1, firstAt.or(() -> Optional.of(now)), until);
  }
}
