package dev.podflare.cli;

import java.util.Locale;

/** Rows of the bench that are measured together, in the order of the table. */
enum BenchGroup {
  /** Exec and create over HTTP. */
  HTTP(true),
  RESTORES(false),
  FORKS(false),
  NETWORK(false),
  /** What a sandbox costs that does nothing. */
  IDLE(false),
  MCP(true),
  /** The SDKs, and the command line. */
  SDKS(true),
  UNDO(true),
  TERMINALS(false),
  FILES(false),
  /** Of the templates {@code java} and {@code python-datasci}. */
  CONTEXTS(true),
  /** Pauses, freezes and thaws. */
  SPACES(false),
  /** The daemon's start, and its restart after a kill. */
  STARTS(false),
  SECRETS(false);

  private final boolean fromOutside;

  BenchGroup(boolean fromOutside) {
    this.fromOutside = fromOutside;
  }

  /** Whether a server elsewhere can be measured, too. */
  boolean fromOutside() {
    return fromOutside;
  }

  /** Whether it is measured in the daemon that the groups share. */
  boolean shared() {
    return this != STARTS && this != SECRETS;
  }

  /** As it is written on the command line. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
