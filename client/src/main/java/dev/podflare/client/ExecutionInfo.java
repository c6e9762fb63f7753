package dev.podflare.client;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.Optional;

/**
 * An execution as the server saw it.
 *
 * @param state {@code queued}, {@code running} or {@code ended}
 */
public record ExecutionInfo(
    String id,
    String state,
    Optional<String> language,
    Optional<Instant> createdAt,
    Optional<Instant> startedAt,
    Optional<Instant> endedAt,
    Optional<Integer> exitCode,
    Optional<String> reason) {
  public ExecutionInfo {
    requireNonNull(id, "id");
    requireNonNull(state, "state");
  }
}
