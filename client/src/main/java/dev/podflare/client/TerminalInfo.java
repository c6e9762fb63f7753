package dev.podflare.client;

import static java.util.Objects.requireNonNull;

import java.util.Optional;

/**
 * A terminal as the server saw it.
 *
 * @param cmdLabel the command, for people
 * @param createdAtMs milliseconds since 1970
 * @param exitCode empty while its program runs
 * @param cols width in characters
 * @param rows height, likewise
 */
public record TerminalInfo(
    String ptyId,
    String cmdLabel,
    long createdAtMs,
    Optional<Integer> exitCode,
    int cols,
    int rows) {
  public TerminalInfo {
    requireNonNull(ptyId, "pty_id");
  }
}
