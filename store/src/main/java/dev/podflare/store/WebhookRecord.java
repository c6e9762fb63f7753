package dev.podflare.store;

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;

/**
 * A webhook as it is remembered.
 *
 * @param id {@code whk_} and 32 hex digits
 * @param keyId owner
 * @param allKeys whether it gets the events of every key; an administrator's does
 * @param secret {@code whsec_} and base64
 * @param types of events that it gets, {@link EventType#wireName}; empty: all
 * @param position number of the last event that was surely looked at for it
 * @param failingSince of the first failure since something was last taken
 * @param lastError of the last failure since then, for people
 * @param disabledAt from when on it gets nothing
 */
public record WebhookRecord(
    String id,
    String keyId,
    boolean allKeys,
    String url,
    String secret,
    List<String> types,
    long position,
    Instant createdAt,
    Optional<Instant> failingSince,
    Optional<Instant> lastSuccessAt,
    Optional<String> lastError,
    Optional<Instant> disabledAt,
    Optional<String> disabledReason) {

  public WebhookRecord {
    types = List.copyOf(types);
    createdAt = createdAt.truncatedTo(ChronoUnit.MILLIS);
  }

  /** One to which nothing has happened yet. */
  public static WebhookRecord fresh(
      String id,
      String keyId,
      boolean allKeys,
      String url,
      String secret,
      List<String> types,
      Instant now) {
    return new WebhookRecord(
        id,
        keyId,
        allKeys,
        url,
        secret,
        types,
        0,
        now,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty());
  }

  /** The key whose events it gets; empty: all. */
  public Optional<String> eventsOf() {
    return allKeys ? Optional.empty() : Optional.of(keyId);
  }

  public boolean wants(EventRecord event) {
    return types.isEmpty() || types.contains(event.type());
  }

  /** Without the secret, which must not reach a log. */
  @Override
  public String toString() {
    return "WebhookRecord[" + id + ", " + url + "]";
  }
}
