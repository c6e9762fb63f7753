package dev.podflare.store;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.Optional;

/**
 * A sandbox as it is remembered. Instants and durations are cut to the millisecond.
 *
 * @param keyId owner
 * @param state name of the engine's state, lower case
 * @param autoResume any call wakes it, where it is paused or frozen
 * @param undo how many of its last calls can be taken back at most; 0: none
 * @param network policy, as the engine writes it
 * @param mounts volumes that it has mounted, as the engine writes it
 * @param secrets with sealed values, as the engine writes them
 * @param timeout lifetime that {@code expiresAt} came from
 * @param closedAt empty while the sandbox lives
 * @param closeReason word for programs, for example {@code idle}
 * @param closeMessage sentence for people
 */
public record SandboxRecord(
    String id,
    String keyId,
    String template,
    String state,
    int vcpus,
    int memoryMebibytes,
    int diskGibibytes,
    boolean persistent,
    boolean autoResume,
    int undo,
    String network,
    String mounts,
    String secrets,
    Map<String, String> env,
    Map<String, String> metadata,
    Optional<String> parent,
    Instant createdAt,
    Instant expiresAt,
    Duration timeout,
    Duration idleTimeout,
    Optional<Instant> closedAt,
    Optional<String> closeReason,
    Optional<String> closeMessage) {
  /** The state of one that is in a Space. */
  static final String FROZEN = "frozen";

  /** No volumes, as in {@code mounts}. */
  public static final String NO_MOUNTS = "[]";

  public SandboxRecord {
    env = Map.copyOf(env);
    metadata = Map.copyOf(metadata);
    createdAt = createdAt.truncatedTo(ChronoUnit.MILLIS);
    expiresAt = expiresAt.truncatedTo(ChronoUnit.MILLIS);
    timeout = timeout.truncatedTo(ChronoUnit.MILLIS);
    idleTimeout = idleTimeout.truncatedTo(ChronoUnit.MILLIS);
    closedAt = closedAt.map(time -> time.truncatedTo(ChronoUnit.MILLIS));
  }

  /** Whether it is in a Space. */
  public boolean isFrozen() {
    return state.equals(FROZEN) && closedAt.isEmpty();
  }

  /** The same with another network policy. */
  public SandboxRecord withNetwork(String policy) {
    return with(state, policy, secrets, parent, expiresAt);
  }

  /** The same with other secrets. */
  public SandboxRecord withSecrets(String others) {
    return with(state, network, others, parent, expiresAt);
  }

  /** The same as a child of another sandbox. */
  public SandboxRecord withParent(String other) {
    return with(state, network, secrets, Optional.of(other), expiresAt);
  }

  /** The same in another state. */
  public SandboxRecord withState(String newState, Instant newExpiry) {
    return with(newState, network, secrets, parent, newExpiry);
  }

  private SandboxRecord with(
      String newState,
      String newNetwork,
      String newSecrets,
      Optional<String> newParent,
      Instant newExpiry) {
    return new SandboxRecord(
        id,
        keyId,
        template,
        newState,
        vcpus,
        memoryMebibytes,
        diskGibibytes,
        persistent,
        autoResume,
        undo,
        newNetwork,
        mounts,
        newSecrets,
        env,
        metadata,
        newParent,
        createdAt,
        newExpiry,
        timeout,
        idleTimeout,
        closedAt,
        closeReason,
        closeMessage);
  }
}
