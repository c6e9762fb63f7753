package dev.podflare.client;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * A snapshot. Fields of a server that does not tell them are empty, 0 or false.
 *
 * @param id {@code snp_…}
 * @param name that its owner gave it
 * @param sandboxId whose machine it was
 * @param ramMib guest RAM in MiB
 * @param rootfsGb root disk in GiB
 * @param ownBytes memory and disk in which it differs from its template
 * @param storedBytes what it added to the checkpoint store
 * @param anyNode whether nodes that share records and store can go on with it, or only those that
 *     have the frozen shape on which it stands
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
    boolean anyNode,
    Optional<Instant> createdAt,
    Optional<Instant> expiresAt) {
  public SnapshotInfo {
    requireNonNull(id, "id");
    requireNonNull(sandboxId, "sandbox_id");
    metadata = metadata == null ? Map.of() : Map.copyOf(metadata);
  }
}
