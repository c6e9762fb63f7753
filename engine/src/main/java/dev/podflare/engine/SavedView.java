package dev.podflare.engine;

import dev.podflare.store.SavedMachine;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * A Space or a snapshot.
 *
 * @param id {@code spc_…} or {@code snp_…}
 * @param name of a snapshot that has one
 * @param sandboxId whose machine it was
 * @param ownBytes memory and disk in which it differs from its template
 * @param storedBytes what it added to the checkpoint store, compressed and without what was there
 * @param anyNode whether what it stands on is in the store too, so that other nodes can go on with
 *     it
 * @param expiresAt when it is removed; empty: never
 */
public record SavedView(
    String id,
    Optional<String> name,
    String sandboxId,
    String template,
    int vcpus,
    int memoryMebibytes,
    int diskGibibytes,
    Map<String, String> metadata,
    long ownBytes,
    long storedBytes,
    boolean anyNode,
    Instant createdAt,
    Optional<Instant> expiresAt) {
  public SavedView {
    metadata = Map.copyOf(metadata);
  }

  static SavedView of(SavedMachine saved, boolean anyNode) {
    return new SavedView(
        saved.id(),
        saved.name(),
        saved.sandboxId(),
        saved.template(),
        saved.vcpus(),
        saved.memoryMebibytes(),
        saved.diskGibibytes(),
        saved.metadata(),
        saved.ownBytes(),
        saved.storedBytes(),
        anyNode,
        saved.createdAt(),
        saved.expiresAt());
  }
}
