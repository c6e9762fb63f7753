package dev.podflare.mcp;

import java.time.Duration;

/**
 * Limits of sessions over HTTP.
 *
 * @param sessions of all keys together
 * @param ofOneKey sessions of one key
 * @param calls of tools at work at once, in all sessions
 * @param callsOfOneKey of these
 * @param idle a session that was not heard of for so long, and is not at work, is ended
 * @param keptBytes what all answers together may take that were given and can be asked for again
 */
public record SessionLimits(
    int sessions, int ofOneKey, int calls, int callsOfOneKey, Duration idle, long keptBytes) {
  public static final SessionLimits DEFAULTS =
      new SessionLimits(256, 32, 128, 64, Duration.ofMinutes(30), 64L << 20);
}
