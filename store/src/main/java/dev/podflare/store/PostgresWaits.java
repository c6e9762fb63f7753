package dev.podflare.store;

import java.time.Duration;

/**
 * How long is waited for a PostgreSQL, at the most; and it for us.
 *
 * @param connection of the pool, for a call
 * @param statement that runs, and {@code lock} that another session holds; the server ends them
 * @param silence of the server while it is asked; longer than it takes to give up itself, which
 *     tells more
 * @param settle asking after a transaction whose commit was not answered
 * @param lostHost until the server frees the name of a daemon whose host is lost
 */
record PostgresWaits(
    Duration connection,
    Duration statement,
    Duration lock,
    Duration silence,
    Duration settle,
    Duration lostHost) {
  static PostgresWaits usual() {
    return new PostgresWaits(
        Duration.ofSeconds(4),
        Duration.ofSeconds(10),
        Duration.ofSeconds(5),
        Duration.ofSeconds(15),
        Duration.ofSeconds(30),
        Duration.ofSeconds(30));
  }
}
