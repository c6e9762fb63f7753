package dev.podflare.engine;

import dev.podflare.network.EgressPolicy;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * A sandbox as it was when it was looked at.
 *
 * @param network what its guest may reach
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
    EgressPolicy network,
    boolean networked,
    Map<String, String> metadata,
    Optional<String> parent,
    Instant createdAt,
    Instant expiresAt,
    Duration timeout,
    Duration idleTimeout,
    Instant lastActiveAt,
    long ownMemoryBytes,
    long diskBytes) {}
