package dev.podflare.guest;

import java.time.Instant;

/**
 * An interpreter beside the first one, as its guest tells of it.
 *
 * @param cwd folder that it began in
 * @param busy whether a call runs in it
 */
public record GuestContext(
    String id, String language, String cwd, boolean busy, Instant createdAt) {}
