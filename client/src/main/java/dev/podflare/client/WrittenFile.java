package dev.podflare.client;

import java.util.Optional;

/**
 * What was written.
 *
 * @param size of the file, or of what is kept of it
 * @param complete whether it was put in place
 * @param sha256 hex, of the whole file; if it is complete
 */
public record WrittenFile(String path, long size, boolean complete, Optional<String> sha256) {}
