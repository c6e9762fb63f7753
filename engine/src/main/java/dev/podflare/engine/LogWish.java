package dev.podflare.engine;

import java.time.Duration;

/**
 * A wait for a line of a log.
 *
 * @param pattern that is found anywhere in a line: a regular expression as RE2 understands it
 * @param literal it is the text itself, whatever its characters mean in an expression
 * @param fromSequence where to begin
 */
public record LogWish(String pattern, boolean literal, long fromSequence, Duration patience) {}
