package dev.podflare.client;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A sandbox as the server saw it. Fields of a server that does not tell them are empty or 0.
 *
 * @param state {@code creating}, {@code ready}, {@code paused}, {@code frozen} or {@code closed}
 * @param ramMib guest RAM in MiB
 * @param rootfsGb root disk in GiB
 * @param persistent it is frozen where another would be ended or lost
 * @param autoResume calls wake it, where it is paused or frozen
 * @param undo how many of its last calls can be taken back; empty: it was not made for that
 * @param mounts volumes that it has
 * @param networked false where the server gives guests no network
 * @param ownMemoryBytes guest memory that differs from the template's
 * @param diskBytes disk that differs from the template's
 */
public record SandboxInfo(
    String id,
    String state,
    Optional<String> template,
    int vcpus,
    int ramMib,
    int rootfsGb,
    boolean persistent,
    boolean autoResume,
    Optional<Undo> undo,
    boolean egress,
    NetworkPolicy network,
    List<MountInfo> mounts,
    boolean networked,
    Map<String, String> metadata,
    Optional<String> parent,
    Optional<Instant> createdAt,
    Optional<Instant> expiresAt,
    Optional<Instant> lastActiveAt,
    long timeoutSeconds,
    long idleTimeoutSeconds,
    long ownMemoryBytes,
    long diskBytes) {
  /**
   * What an undo can do.
   *
   * @param keep most calls that can be taken back
   * @param available those that can be taken back now
   */
  public record Undo(int keep, int available) {}

  public SandboxInfo {
    requireNonNull(id, "id");
    requireNonNull(state, "state");
    mounts = mounts == null ? List.of() : List.copyOf(mounts);
    metadata = metadata == null ? Map.of() : Map.copyOf(metadata);
  }
}
