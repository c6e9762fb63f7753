package dev.podflare.client;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * An API key.
 *
 * @param admin may manage keys and see every sandbox
 * @param key the key itself; told only once, in the answer to its creation
 */
public record KeyInfo(
    String id,
    Optional<String> name,
    boolean admin,
    List<String> scopes,
    Optional<Instant> createdAt,
    Optional<String> key) {
  public KeyInfo {
    requireNonNull(id, "id");
    scopes = scopes == null ? List.of() : List.copyOf(scopes);
  }

  /** Without the secret, which must not reach a log. */
  @Override
  public String toString() {
    return "KeyInfo[" + id + ", " + name.orElse("") + "]";
  }
}
