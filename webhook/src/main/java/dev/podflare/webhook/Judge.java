package dev.podflare.webhook;

import dev.podflare.store.Store;
import dev.podflare.store.WebhookDelivery;
import dev.podflare.store.WebhookRecord;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Writes down what came of an attempt, and what follows from it. Thread-safe. */
final class Judge {
  private static final Logger LOG = LoggerFactory.getLogger(Judge.class);

  private final Store store;
  private final WebhookConfig config;
  private final Backoff backoff;

  Judge(Store store, WebhookConfig config, Backoff backoff) {
    this.store = store;
    this.config = config;
    this.backoff = backoff;
  }

  /** Whether the webhook may be sent more. */
  boolean settle(WebhookRecord webhook, WebhookDelivery delivery, Outcome outcome, Instant now) {
    return switch (outcome) {
      case Outcome.Taken _ -> {
        store.deliveries().taken(delivery, now);
        yield true;
      }
      case Outcome.Unwanted _ -> {
        disable(webhook, "the receiver answered 410 Gone", now);
        yield false;
      }
      case Outcome.Failed failed -> {
        failed(webhook, delivery, failed, now);
        yield true;
      }
    };
  }

  private void failed(
      WebhookRecord webhook, WebhookDelivery delivery, Outcome.Failed failed, Instant now) {
    Instant since = webhook.failingSince().orElse(now);
    if (!now.isBefore(since.plus(config.disabledAfter()))) {
      disable(webhook, "it has taken nothing since " + since + "; it " + failed.error(), now);
      return;
    }
    Duration pause = backoff.pause(delivery.attempts(), failed.retryAfter());
    Instant end = delivery.firstAt().orElse(now).plus(config.givenUpAfter());
    Optional<Instant> next = Optional.of(now.plus(pause)).filter(it -> it.isBefore(end));
    if (next.isEmpty()) {
      LOG.warn(
          "webhook {}: event {} is given up after {} attempts: {}",
          webhook.id(),
          delivery.eventId(),
          delivery.attempts(),
          failed.error());
    }
    store.deliveries().failed(delivery, failed.error(), next, now);
  }

  private void disable(WebhookRecord webhook, String reason, Instant now) {
    LOG.warn("webhook {} is disabled: {}", webhook.id(), reason);
    store.webhooks().disable(webhook.id(), reason, now);
  }
}
