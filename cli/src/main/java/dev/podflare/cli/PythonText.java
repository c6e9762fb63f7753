package dev.podflare.cli;

/**
 * As much of Python's grammar as tells whether more lines must follow: strings, comments, brackets,
 * line joining. A text that is wrong anyway counts as finished, so that the guest says what is
 * wrong.
 *
 * @param unfinished a bracket, a triple-quoted string or a joined line is open at the end
 * @param compound a line outside of brackets ends with a colon or begins with a decorator, so an
 *     indented block belongs to it
 */
record PythonText(boolean unfinished, boolean compound) {

  static PythonText of(String text) {
    return new Scanner(text).scan();
  }

  /** One pass over the text. One thread. */
  private static final class Scanner {
    private final String text;
    private int at;
    private int depth;
    private boolean openString;
    private boolean joined;
    private boolean compound;
    private char last; // of this line, blanks and comments left out

    Scanner(String text) {
      this.text = text;
    }

    PythonText scan() {
      while (at < text.length()) {
        step(text.charAt(at));
      }
      return new PythonText(depth > 0 || openString || joined, compound);
    }

    private void step(char c) {
      switch (c) {
        case '\n' -> endLine();
        case '#' -> at = endOfLine();
        case '"', '\'' -> string(c);
        case '\\' -> backslash();
        default -> {
          if (c == '@' && last == 0 && depth == 0) {
            compound = true;
          }
          depth = Math.max(0, depth + nesting(c));
          seen(c);
        }
      }
    }

    private void seen(char c) {
      if (!Character.isWhitespace(c)) {
        last = c;
        joined = false;
      }
      at++;
    }

    private static int nesting(char c) {
      return switch (c) {
        case '(', '[', '{' -> 1;
        case ')', ']', '}' -> -1;
        default -> 0;
      };
    }

    private void endLine() {
      compound |= last == ':' && depth == 0;
      last = 0;
      joined = false;
      at++;
    }

    private void backslash() {
      boolean atEnd = at + 1 < text.length() && text.charAt(at + 1) == '\n';
      last = '\\';
      joined = atEnd;
      at += atEnd ? 2 : 1;
    }

    private int endOfLine() {
      int end = text.indexOf('\n', at);
      return end < 0 ? text.length() : end;
    }

    /** Goes behind a string; one in single quotes ends with its line at the latest. */
    private void string(char quote) {
      String mark = String.valueOf(quote);
      boolean triple = text.startsWith(mark.repeat(3), at);
      String end = triple ? mark.repeat(3) : mark;
      int next = at + end.length();
      while (next < text.length() && !text.startsWith(end, next)) {
        if (!triple && text.charAt(next) == '\n') {
          at = next;
          return;
        }
        next += text.charAt(next) == '\\' ? 2 : 1;
      }
      openString = next >= text.length();
      at = Math.min(text.length(), next + end.length());
      last = quote;
      joined = false;
    }
  }
}
