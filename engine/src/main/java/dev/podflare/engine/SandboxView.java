package dev.podflare.engine;

import dev.podflare.network.EgressPolicy;
import dev.podflare.store.SandboxRecord;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * A sandbox as it was when it was looked at.
 *
 * @param autoResume any call wakes it, where it is paused or frozen
 * @param undo how many of its last calls it can take back; empty: it keeps nothing for that
 * @param network what its guest may reach
 * @param mounts volumes that it has
 * @param networked whether the host gives guests a network at all
 * @param ownMemoryBytes bytes of guest memory that differ from the template's image
 * @param diskBytes bytes of disk that differ from the template's disk
 */
public record SandboxView(
    String id,
    SandboxState state,
    String template,
    int vcpus,
    int memoryMebibytes,
    int diskGibibytes,
    boolean persistent,
    boolean autoResume,
    Optional<Undo> undo,
    EgressPolicy network,
    List<SandboxMount> mounts,
    boolean networked,
    Map<String, String> metadata,
    Optional<String> parent,
    Instant createdAt,
    Instant expiresAt,
    Duration timeout,
    Duration idleTimeout,
    Instant lastActiveAt,
    long ownMemoryBytes,
    long diskBytes) {

  public SandboxView {
    mounts = List.copyOf(mounts);
  }

  /**
   * What an undo can do.
   *
   * @param keep most calls that can be taken back
   * @param available those that can be taken back now
   */
  public record Undo(int keep, int available) {}

  /** One that has no machine here: by its record. */
  static SandboxView remembered(SandboxRecord record, boolean networked) {
    return new SandboxView(
        record.id(),
        SandboxState.valueOf(record.state().toUpperCase(Locale.ROOT)),
        record.template(),
        record.vcpus(),
        record.memoryMebibytes(),
        record.diskGibibytes(),
        record.persistent(),
        record.autoResume(),
        record.undo() == 0 ? Optional.empty() : Optional.of(new Undo(record.undo(), 0)),
        PolicyText.parse(record.network()),
        MountText.parse(record.mounts()),
        networked,
        record.metadata(),
        record.parent(),
        record.createdAt(),
        record.expiresAt(),
        record.timeout(),
        record.idleTimeout(),
        record.createdAt(),
        0,
        0);
  }
}
