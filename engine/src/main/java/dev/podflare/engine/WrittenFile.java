package dev.podflare.engine;

import java.util.Optional;

/**
 * What was written.
 *
 * @param size of the file, or of what there is of it yet
 * @param sha256 hex; empty for a part
 */
public record WrittenFile(long size, Optional<String> sha256) {}
