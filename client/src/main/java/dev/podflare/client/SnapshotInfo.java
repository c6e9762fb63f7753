package dev.podflare.client;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * A snapshot. Fields of a server that does not tell them are empty or 0.
 *
 * @param id {@code snp_…}
 * @param name that its owner gave it
 * @param sandboxId whose machine it was
 * @param ramMib guest RAM in MiB
 * @param rootfsGb root disk in GiB
 * @param ownBytes memory and disk in which it differs from its template
 * @param storedBytes what it added to the checkpoint store
 * @param expiresAt when it is removed; empty: never
 */
public record SnapshotInfo(
    String id,
    Optional<String> name,
    String sandboxId,
    Optional<String> template,
    int vcpus,
    int ramMib,
    int rootfsGb,
    Map<String, String> metadata,
    long ownBytes,
    long storedBytes,
    Optional<Instant> createdAt,
    Optional<Instant> expiresAt) {
  public SnapshotInfo {
    requireNonNull(id, "id");
    requireNonNull(sandboxId, "sandbox_id");
    metadata = metadata == null ? Map.of() : Map.copyOf(metadata);
  }
}
