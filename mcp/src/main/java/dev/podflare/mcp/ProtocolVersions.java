package dev.podflare.mcp;

import java.util.List;

/** Versions of the protocol that begin with {@code initialize}, newest first. */
public final class ProtocolVersions {
  private static final List<String> KNOWN =
      List.of("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05");

  private ProtocolVersions() {}

  public static boolean isKnown(String version) {
    return KNOWN.contains(version);
  }

  /** The one that is asked for, else the newest that we know. */
  static String negotiated(String asked) {
    return isKnown(asked) ? asked : KNOWN.getFirst();
  }
}
