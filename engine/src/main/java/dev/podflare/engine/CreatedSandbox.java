package dev.podflare.engine;

import java.util.Map;

/**
 * Answer to a create.
 *
 * @param source {@code pool}, {@code restore} or {@code boot}
 * @param timings step to duration in milliseconds, in order
 */
public record CreatedSandbox(SandboxView sandbox, String source, Map<String, Double> timings) {}
