package dev.podflare.store;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * An API key without its text, of which only the SHA-256 is known.
 *
 * @param id {@code key_} and hex digits
 * @param sha256 lower-case hex digest of the key's text
 * @param scopes what it may do; empty: everything
 */
public record ApiKey(
    String id,
    String name,
    String sha256,
    boolean admin,
    List<String> scopes,
    KeyLimits limits,
    Instant createdAt,
    Optional<Instant> revokedAt) {
  public ApiKey {
    scopes = List.copyOf(scopes);
  }
}
