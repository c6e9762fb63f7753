package dev.podflare.engine;

import java.time.Instant;
import java.util.Optional;

/**
 * One sandbox in a family tree, live or remembered.
 *
 * @param closeReason {@code merged} for a winner, whose machine goes on under its parent's id
 * @param ownMemoryBytes guest memory that differs from the template's; 0 for closed ones
 */
public record FamilyMember(
    String id,
    Optional<String> parent,
    SandboxState state,
    Instant createdAt,
    Optional<Instant> closedAt,
    Optional<String> closeReason,
    long ownMemoryBytes) {}
