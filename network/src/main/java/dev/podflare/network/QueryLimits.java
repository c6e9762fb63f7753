package dev.podflare.network;

import java.time.Duration;

/**
 * How much asking the resolver takes in.
 *
 * @param perSecond queries a second of one slot; more are dropped
 * @param burst queries that a slot may have saved up
 * @param waitingPerSlot queries of one slot that wait for an upstream; more get SERVFAIL
 * @param waiting the same of all slots together
 * @param connectionsPerSlot TCP connections of one slot
 * @param connections TCP connections of all slots together
 * @param connectionIdle a TCP connection without a query for this long is closed
 */
public record QueryLimits(
    int perSecond,
    int burst,
    int waitingPerSlot,
    int waiting,
    int connectionsPerSlot,
    int connections,
    Duration connectionIdle) {

  public static QueryLimits defaults() {
    return new QueryLimits(100, 300, 64, 1024, 8, 256, Duration.ofSeconds(10));
  }
}
