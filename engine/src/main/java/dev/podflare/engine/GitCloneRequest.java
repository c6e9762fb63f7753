package dev.podflare.engine;

import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A repository to be cloned into a sandbox.
 *
 * @param url {@code https://host/path}, or {@code http:} without a credential
 * @param path folder in the guest, absolute; empty: named as the repository, in {@code /root}
 * @param ref branch, tag, or commit of 40 hex digits; empty: the repository's own branch
 * @param depth commits of history; empty: all
 * @param credential stays on the host
 * @param timeout until it is given up; empty: {@link #USUAL_TIMEOUT}
 */
public record GitCloneRequest(
    String url,
    Optional<String> path,
    Optional<String> ref,
    OptionalInt depth,
    Optional<Credential> credential,
    Optional<Duration> timeout) {
  /** How long a clone may take if nothing else is said. */
  public static final Duration USUAL_TIMEOUT = Duration.ofMinutes(10);

  /** A user's name with a password or a token. */
  public record Credential(String username, SecretValue password) {}
}
