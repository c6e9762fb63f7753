package dev.podflare.engine;

import java.time.Duration;
import java.util.Optional;

/**
 * A snapshot that is to be taken.
 *
 * @param name of the owner's choice, by which it can be asked for
 * @param life after it the snapshot is removed; empty: it stays
 */
public record SnapshotRequest(Optional<String> name, Optional<Duration> life) {}
