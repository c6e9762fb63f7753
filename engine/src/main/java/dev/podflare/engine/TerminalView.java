package dev.podflare.engine;

import java.time.Instant;
import java.util.OptionalInt;

/**
 * A terminal as it was when it was looked at.
 *
 * @param label the command, for people
 * @param exitCode empty while its program runs
 * @param cols width in characters, as it was set last
 * @param rows height, likewise
 */
public record TerminalView(
    String id, String label, Instant createdAt, OptionalInt exitCode, int cols, int rows) {}
