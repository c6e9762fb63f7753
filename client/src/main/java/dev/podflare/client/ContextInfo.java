package dev.podflare.client;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.Instant;

/**
 * An interpreter of a sandbox beside its first one.
 *
 * @param cwd folder that it began in
 * @param busy whether a call runs in it
 */
public record ContextInfo(
    @JsonProperty("context_id") String id,
    String language,
    String cwd,
    boolean busy,
    @JsonProperty("created_at") Instant createdAt) {}
