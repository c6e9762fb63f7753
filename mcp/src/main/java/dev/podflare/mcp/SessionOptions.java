package dev.podflare.mcp;

import java.util.Optional;

/**
 * What a session's own sandbox is.
 *
 * @param sandbox one that is there and stays; empty: one is made when it is first needed
 * @param template of the one that is made; else the server's default
 * @param keep whether the one that is made outlives the session
 */
public record SessionOptions(Optional<String> sandbox, Optional<String> template, boolean keep) {
  public static final SessionOptions DEFAULTS =
      new SessionOptions(Optional.empty(), Optional.empty(), false);
}
