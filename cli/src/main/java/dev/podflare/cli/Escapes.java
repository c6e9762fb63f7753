package dev.podflare.cli;

import java.io.ByteArrayOutputStream;

/**
 * Finds what a user says to the shell itself among what is typed: {@code ~} as the first of a line,
 * and then a dot to leave, a question mark for help, another {@code ~} for one of its own. One
 * thread.
 */
final class Escapes {
  /** What is to be done besides sending what was typed. */
  enum Wish {
    NOTHING,
    LEAVE,
    HELP
  }

  /**
   * What a piece of typing comes to.
   *
   * @param bytes for the program
   */
  @SuppressWarnings("ArrayRecordComponent") // read, never compared
  record Typed(byte[] bytes, Wish wish) {}

  private boolean lineBegins = true;
  private boolean tilde;

  /** What is typed after a wish to leave is dropped. */
  Typed add(byte[] typed, int count) {
    ByteArrayOutputStream out = new ByteArrayOutputStream(count + 1);
    Wish wish = Wish.NOTHING;
    for (int i = 0; i < count; i++) {
      byte octet = typed[i];
      if (tilde) {
        tilde = false;
        if (octet == '.') {
          return new Typed(out.toByteArray(), Wish.LEAVE);
        }
        if (octet == '?') {
          wish = Wish.HELP;
          continue;
        }
        out.write('~');
        if (octet == '~') {
          lineBegins = false;
          continue;
        }
      } else if (octet == '~' && lineBegins) {
        tilde = true;
        continue;
      }
      out.write(octet);
      lineBegins = octet == '\r' || octet == '\n' || octet == 3; // Ctrl-C begins a line too
    }
    return new Typed(out.toByteArray(), wish);
  }
}
