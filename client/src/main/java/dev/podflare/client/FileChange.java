package dev.podflare.client;

import java.util.Optional;

/**
 * A change in a watched folder.
 *
 * @param type {@code watching} (the watch is in force), {@code created}, {@code modified}, {@code
 *     written}, {@code attributes}, {@code deleted}, {@code moved_from}, {@code moved_to}, {@code
 *     overflow} (changes were lost, list anew) or {@code gone} (the last one)
 * @param cookie what both halves of a move have in common
 */
public record FileChange(
    String type, String path, Optional<Boolean> directory, Optional<Long> cookie) {}
