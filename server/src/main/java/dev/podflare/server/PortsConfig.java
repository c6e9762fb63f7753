package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * How guests' ports are reached through the server. Immutable.
 *
 * @param domain guests are also {@code PORT-ID.DOMAIN}; empty: only by path
 * @param connections most connections to guests at once; above it {@code 503 host_full}
 * @param connectionsOfSandbox most of one sandbox; above it {@code 429 too_many_connections}
 * @param idle a request on which nothing moves in any direction is cut after this
 * @param ping silence of one end of a WebSocket after which it is asked for a sign of life; after
 *     twice as much it is taken for dead
 */
public record PortsConfig(
    Optional<String> domain,
    int connections,
    int connectionsOfSandbox,
    Duration idle,
    Duration ping) {

  private static final Pattern DOMAIN =
      Pattern.compile("[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*");

  public PortsConfig {
    domain = domain.map(name -> name.toLowerCase(Locale.ROOT));
    domain.ifPresent(PortsConfig::check);
    if (connections < 1 || connectionsOfSandbox < 1) {
      throw new PodflareException(
          ErrorCode.INVALID_CONFIG, "connections to guests must have a limit of at least 1");
    }
  }

  public static PortsConfig defaults() {
    return new PortsConfig(
        Optional.empty(), 1024, 64, Duration.ofMinutes(5), Duration.ofSeconds(30));
  }

  /** The same with host names below a domain, or without any. */
  public PortsConfig withDomain(Optional<String> other) {
    return new PortsConfig(other, connections, connectionsOfSandbox, idle, ping);
  }

  private static void check(String name) {
    if (name.length() > 200 || !DOMAIN.matcher(name).matches()) {
      throw new PodflareException(
          ErrorCode.INVALID_CONFIG,
          "the domain of guests' ports must be a host name such as sandboxes.example.com, not '"
              + name
              + "'");
    }
  }
}
