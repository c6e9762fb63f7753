package dev.podflare.client;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * A secret of a sandbox, without its value.
 *
 * @param header that it goes into, if it is not the query
 * @param query parameter that it goes into, if it is not a header
 * @param placeholder what stands for it in the sandbox
 * @param uses requests that got it, since the sandbox has its present machine or the daemon runs
 * @param refused requests to its hosts that were not passed on, in the same time
 */
public record SecretInfo(
    String name,
    List<String> hosts,
    Optional<String> header,
    Optional<String> query,
    String placeholder,
    Instant createdAt,
    Instant changedAt,
    long uses,
    long refused,
    Optional<Instant> lastUsedAt) {}
