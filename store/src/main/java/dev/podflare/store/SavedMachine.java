package dev.podflare.store;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * A machine that is kept as a checkpoint, and what a sandbox that is made of it has. Instants and
 * durations are cut to the millisecond.
 *
 * @param id {@code spc_…} or {@code snp_…}
 * @param keyId owner
 * @param name of a snapshot that has one; one of its kind for each key
 * @param sandboxId whose machine it was; of a Space: the sandbox that is frozen
 * @param checkpoint id in the checkpoint store
 * @param templateDigest build of the template that the checkpoint stands on
 * @param image frozen shape of that build, whose memory the checkpoint differs from
 * @param undo how many of its last calls a sandbox made of it can take back at most; 0: none
 * @param network policy, as the engine writes it
 * @param mounts volumes that its guest has mounted, as the engine writes it
 * @param secrets with sealed values, as the engine writes them
 * @param timeLeft of the sandbox's lifetime, when it was kept
 * @param ownBytes that the checkpoint holds, before compression
 * @param storedBytes that it added to the checkpoint store
 * @param expiresAt when it is removed; empty: never
 */
public record SavedMachine(
    String id,
    Kind kind,
    String keyId,
    Optional<String> name,
    String sandboxId,
    String checkpoint,
    String template,
    String templateDigest,
    String image,
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
    Duration timeout,
    Duration idleTimeout,
    Duration timeLeft,
    long ownBytes,
    long storedBytes,
    Instant createdAt,
    Optional<Instant> expiresAt) {

  /** What a saved machine is for. */
  public enum Kind {
    /** A sandbox that is frozen. */
    SPACE,

    /** Restorable any number of times. */
    SNAPSHOT,

    /**
     * What a persistent sandbox was frozen as before it was woken: it goes back to that if its host
     * is lost. Nobody sees it.
     */
    LAST;

    public String wireName() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  public SavedMachine {
    env = Map.copyOf(env);
    metadata = Map.copyOf(metadata);
    timeout = timeout.truncatedTo(ChronoUnit.MILLIS);
    idleTimeout = idleTimeout.truncatedTo(ChronoUnit.MILLIS);
    timeLeft = timeLeft.truncatedTo(ChronoUnit.MILLIS);
    createdAt = createdAt.truncatedTo(ChronoUnit.MILLIS);
    expiresAt = expiresAt.map(time -> time.truncatedTo(ChronoUnit.MILLIS));
  }
}
