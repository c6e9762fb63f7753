package dev.podflare.engine;

import java.util.Optional;

/**
 * What was cloned.
 *
 * @param path folder in the guest
 * @param commit that is checked out
 * @param branch of that; empty: none, as after a tag or a commit
 */
public record ClonedRepository(String path, String commit, Optional<String> branch) {}
