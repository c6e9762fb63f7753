package dev.podflare.cli;

/** Words of a guest on a terminal: what could steer it is made visible. */
final class PlainText {
  private PlainText() {}

  /** The text with control characters, but for newline and tab, as {@code ?}. */
  static String of(String text) {
    StringBuilder plain = new StringBuilder(text.length());
    text.codePoints()
        .map(c -> Character.isISOControl(c) && c != '\n' && c != '\t' ? '?' : c)
        .forEach(plain::appendCodePoint);
    return plain.toString();
  }

  /** As {@link #of}, on one line. */
  static String line(String text) {
    return of(text).replace('\n', ' ').replace('\t', ' ');
  }
}
