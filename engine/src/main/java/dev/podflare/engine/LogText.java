package dev.podflare.engine;

/** Makes texts of guests fit for a log: short, on one line, without control characters. */
final class LogText {
  private static final int MOST = 400;

  private LogText() {}

  static String safe(String text) {
    StringBuilder safe = new StringBuilder();
    text.strip()
        .codePoints()
        .limit(MOST)
        .forEach(point ->
            safe.appendCodePoint(
                Character.isISOControl(point) || Character.getType(point) == Character.FORMAT
                    ? ' '
                    : point));
    return safe.toString();
  }
}
