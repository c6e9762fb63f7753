package dev.podflare.client;

import static java.util.Objects.requireNonNull;

import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * The server's answer to a create.
 *
 * @param source {@code pool}, {@code restore}, {@code boot} or {@code snapshot}
 * @param timingsMs step to milliseconds
 * @param networked false where the server gives guests no network
 */
public record Created(
    String id,
    String state,
    Optional<String> template,
    Optional<String> source,
    Optional<Instant> expiresAt,
    NetworkPolicy network,
    boolean networked,
    Map<String, Double> timingsMs) {
  @SuppressWarnings("ConstantValue") // the wire may leave fields out
  public Created {
    requireNonNull(id, "id");
    requireNonNull(state, "state");
    timingsMs = timingsMs == null ? Map.of() : Map.copyOf(timingsMs);
  }
}
