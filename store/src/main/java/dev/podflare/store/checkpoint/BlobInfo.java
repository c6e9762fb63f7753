package dev.podflare.store.checkpoint;

import java.time.Instant;

/**
 * An object as listed.
 *
 * @param size in bytes
 * @param lastModified by the clock of the back end
 */
public record BlobInfo(String name, long size, Instant lastModified) {}
