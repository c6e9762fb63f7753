package dev.podflare.store;

import java.time.Instant;
import java.time.temporal.ChronoUnit;

/**
 * An event as it is kept.
 *
 * @param id grows from event to event, over all keys
 * @param keyId owner of the sandbox
 * @param type {@link EventType#wireName}
 * @param sandboxId whose order it belongs to
 * @param data JSON object
 */
public record EventRecord(
    long id, String keyId, String type, String sandboxId, Instant time, String data) {

  public EventRecord {
    time = time.truncatedTo(ChronoUnit.MILLIS);
  }

  /** JSON {@code {"type","timestamp","data"}} without line breaks: of a stream and of a webhook. */
  public String body() {
    return "{\"type\":\"" + type + "\",\"timestamp\":\"" + time + "\",\"data\":" + data + "}";
  }
}
