package dev.podflare.engine;

import java.util.Map;
import java.util.Optional;

/**
 * Filter and page of a listing.
 *
 * @param metadata pairs that must all be present
 * @param limit 1 to 1000
 * @param cursor {@code nextCursor} of the page before
 */
public record ListRequest(
    Optional<SandboxState> state,
    Optional<String> template,
    Map<String, String> metadata,
    int limit,
    Optional<String> cursor) {

  /** Whether a sandbox passes the filter. */
  boolean matches(SandboxView sandbox) {
    return state.map(it -> it == sandbox.state()).orElse(true)
        && template.map(it -> it.equals(sandbox.template())).orElse(true)
        && sandbox.metadata().entrySet().containsAll(metadata.entrySet());
  }
}
