package dev.podflare.store;

import java.time.Instant;
import java.time.temporal.ChronoUnit;

/**
 * A volume as it is remembered.
 *
 * @param id {@code vol_…}
 * @param keyId owner
 * @param name the owner's for it; one of each key
 * @param node that has what is in it
 * @param maxBytes that its files may take
 */
public record VolumeRecord(
    String id, String keyId, String name, String node, long maxBytes, Instant createdAt) {
  public VolumeRecord {
    createdAt = createdAt.truncatedTo(ChronoUnit.MILLIS);
  }
}
