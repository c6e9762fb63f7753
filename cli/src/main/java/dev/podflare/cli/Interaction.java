package dev.podflare.cli;

import java.io.Console;

/** Whether a person sits before this process. */
final class Interaction {
  private Interaction() {}

  /** Whether both standard input and output are a terminal. */
  @SuppressWarnings("SystemConsoleNull") // JDK 25 returns null again when there is no terminal
  static boolean onTerminal() {
    Console console = System.console();
    return console != null && console.isTerminal();
  }
}
