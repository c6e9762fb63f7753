package dev.podflare.cli;

import dev.podflare.network.Cidr;
import dev.podflare.webhook.WebhookTargets;
import java.util.List;
import java.util.Optional;

/** Turns the daemon's words about webhooks into the sender's. Stateless. */
final class WebhookSettings {
  private WebhookSettings() {}

  /** {@code guests}: range of their slots. */
  static WebhookTargets targets(ServeFile.WebhooksPart part, Optional<Cidr> guests) {
    return WebhookTargets.of(
        guests,
        part.allow().orElse(List.of()).stream().map(Cidr::parse).toList(),
        part.allowPrivate().orElse(false));
  }
}
