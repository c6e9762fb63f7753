package dev.podflare.engine;

import java.util.List;

/**
 * What a clean-up of the checkpoint store did.
 *
 * @param checkpoints that no record named any more
 * @param chunks that no checkpoint had any more
 * @param freedBytes of them, as stored
 * @param problems why it did not do all, for people
 */
public record CleaningReport(
    long checkpoints, long chunks, long freedBytes, List<String> problems) {
  public CleaningReport {
    problems = List.copyOf(problems);
  }
}
