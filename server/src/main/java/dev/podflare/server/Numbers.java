package dev.podflare.server;

/** Numbers in query strings. */
final class Numbers {
  private Numbers() {}

  static long inRange(String name, String text, long min, long max) {
    try {
      long value = Long.parseLong(text);
      if (value >= min && value <= max) {
        return value;
      }
    } catch (NumberFormatException notANumber) {
      throw Fields.invalid(name, "a whole number from " + min + " to " + max);
    }
    throw Fields.invalid(name, "a whole number from " + min + " to " + max);
  }
}
