package dev.podflare.engine;

import java.util.List;

/**
 * A line of a process that was waited for.
 *
 * @param sequence of the event in which it is, or in which it ends
 * @param line without its newline; a long one is looked at in pieces
 * @param groups what the groups of the expression have matched; empty text: nothing
 */
public record LogMatch(long sequence, ExecEvent.Stream stream, String line, List<String> groups) {
  public LogMatch {
    groups = List.copyOf(groups);
  }
}
