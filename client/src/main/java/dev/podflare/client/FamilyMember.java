package dev.podflare.client;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.Optional;

/**
 * One sandbox in a family tree, live or remembered.
 *
 * @param closeReason {@code merged} for a winner, whose machine goes on under its parent's id
 */
public record FamilyMember(
    String id,
    Optional<String> parent,
    String state,
    Optional<Instant> createdAt,
    Optional<Instant> closedAt,
    Optional<String> closeReason,
    long ownMemoryBytes) {
  public FamilyMember {
    requireNonNull(id, "id");
    requireNonNull(state, "state");
  }
}
