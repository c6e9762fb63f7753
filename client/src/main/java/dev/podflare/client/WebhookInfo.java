package dev.podflare.client;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * A webhook. Fields of a server that does not tell them are empty or 0.
 *
 * @param id {@code whk_…}
 * @param types of events that it gets; empty: all
 * @param pending events that wait to be sent or to be sent again
 * @param failingSince of the first failure since something was last taken
 * @param lastError of the last attempt that failed since then
 * @param disabledAt since when nothing is sent to it any more
 * @param disabledReason why
 */
public record WebhookInfo(
    String id,
    String url,
    List<String> types,
    Optional<Instant> createdAt,
    long pending,
    Optional<Instant> lastSuccessAt,
    Optional<Instant> failingSince,
    Optional<String> lastError,
    Optional<Instant> disabledAt,
    Optional<String> disabledReason) {
  public WebhookInfo {
    requireNonNull(id, "id");
    requireNonNull(url, "url");
    types = types == null ? List.of() : List.copyOf(types);
  }
}
