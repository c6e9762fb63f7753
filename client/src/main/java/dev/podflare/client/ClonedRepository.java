package dev.podflare.client;

import java.util.Optional;

/**
 * What was cloned.
 *
 * @param branch that is checked out; empty after a tag or a commit
 */
public record ClonedRepository(String path, String commit, Optional<String> branch) {}
