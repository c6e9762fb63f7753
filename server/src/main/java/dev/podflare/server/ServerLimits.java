package dev.podflare.server;

import dev.podflare.common.DataSize;
import java.time.Duration;
import java.util.OptionalInt;

/**
 * What the server takes in and how long it waits.
 *
 * @param maxRequests requests at work at once; above it {@code 503 host_full}
 * @param maxConnections open connections; above it new ones wait in the kernel's queue
 * @param maxBody largest JSON body
 * @param requestsPerMinute for keys that have no limit of their own; empty: no limit
 * @param headerTimeout a request's head must be there within this time
 * @param bodyTimeout a request's body may take this long, and a second more per 16 KiB received
 * @param idleTimeout a connection on which nothing moves is cut, also one whose reader stalls
 * @param heartbeat silence after which a stream carries an empty line
 * @param idempotencyWait how long a repeated request waits for the first one's answer
 * @param drain how long {@link PodflareServer#close} lets streams go on
 */
public record ServerLimits(
    int maxRequests,
    int maxConnections,
    DataSize maxBody,
    OptionalInt requestsPerMinute,
    Duration headerTimeout,
    Duration bodyTimeout,
    Duration idleTimeout,
    Duration heartbeat,
    Duration idempotencyWait,
    Duration drain) {

  public static ServerLimits defaults() {
    return new ServerLimits(
        1024,
        4096,
        DataSize.ofMebibytes(64),
        OptionalInt.empty(),
        Duration.ofSeconds(20),
        Duration.ofSeconds(60),
        Duration.ofSeconds(60),
        Duration.ofSeconds(10),
        Duration.ofSeconds(30),
        Duration.ofSeconds(10));
  }
}
