package dev.podflare.engine;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * Changes to a live sandbox; empty fields stay as they are.
 *
 * @param timeout new lifetime, counted from now
 * @param metadata replaces all metadata
 */
public record PatchRequest(
    Optional<Duration> timeout,
    Optional<Duration> idleTimeout,
    Optional<Boolean> persistent,
    Optional<Boolean> autoResume,
    Optional<Map<String, String>> metadata) {}
