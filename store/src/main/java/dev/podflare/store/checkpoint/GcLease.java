package dev.podflare.store.checkpoint;

import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.UUID;

/**
 * Keeps two collectors from doing the same work twice. Nothing else depends on it: they may run
 * beside each other without harm, so it is taken from a holder that seems dead. One thread.
 */
final class GcLease {
  private static final String NAME = "gc/lease";

  private final BlobStore blobs;
  private final byte[] owner;

  private GcLease(BlobStore blobs, byte[] owner) {
    this.blobs = blobs;
    this.owner = owner;
  }

  /** Empty when another collector holds it, and has for less than {@code term}. */
  static Optional<GcLease> take(BlobStore blobs, Duration term, Clock clock) {
    byte[] owner = UUID.randomUUID().toString().getBytes(StandardCharsets.US_ASCII);
    GcLease lease = new GcLease(blobs, owner);
    if (blobs.putIfAbsent(NAME, owner)) {
      return Optional.of(lease);
    }
    boolean dead =
        blobs
            .head(NAME)
            .map(info -> info.lastModified().plus(term).isBefore(clock.instant()))
            .orElse(true);
    if (dead) {
      blobs.delete(NAME);
    }
    return dead && blobs.putIfAbsent(NAME, owner) ? Optional.of(lease) : Optional.empty();
  }

  /** If it is still the holder's own. */
  void close() {
    boolean own =
        blobs.get(NAME, 0, owner.length + 1).filter(it -> Arrays.equals(it, owner)).isPresent();
    if (own) {
      blobs.delete(NAME);
    }
  }
}
