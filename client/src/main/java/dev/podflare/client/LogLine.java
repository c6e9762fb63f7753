package dev.podflare.client;

import java.util.List;

/**
 * A line that was waited for.
 *
 * @param seq number of the event in which it is, or in which it ends
 * @param stream {@code stdout} or {@code stderr}
 * @param groups what the groups of the expression have matched
 */
public record LogLine(long seq, String stream, String line, List<String> groups) {
  public LogLine {
    groups = List.copyOf(groups);
  }
}
