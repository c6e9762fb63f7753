package dev.podflare.engine;

/** How a terminal came to its end. */
public sealed interface TerminalEnd {
  /** Its program has ended; {@code code} is 0 to 255. */
  record Exited(int code) implements TerminalEnd {}

  /** It is not to be had here any more, in a sentence. What runs in it may go on elsewhere. */
  record Lost(String why) implements TerminalEnd {}
}
