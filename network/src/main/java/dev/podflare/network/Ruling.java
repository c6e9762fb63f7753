package dev.podflare.network;

/** A decision and the rule that made it, in words, for example {@code deny 203.0.113.0/24}. */
public record Ruling(boolean allowed, String rule) {
  static Ruling allowed(String rule) {
    return new Ruling(true, rule);
  }

  static Ruling refused(String rule) {
    return new Ruling(false, rule);
  }
}
