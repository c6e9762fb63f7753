package dev.podflare.engine;

import java.time.Instant;

/**
 * A context as it is now.
 *
 * @param cwd folder that it began in
 * @param busy whether a call runs in it
 */
public record ContextView(
    String id, String language, String cwd, boolean busy, Instant createdAt) {}
