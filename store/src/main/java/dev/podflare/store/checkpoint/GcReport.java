package dev.podflare.store.checkpoint;

import java.util.List;

/**
 * What a collection did.
 *
 * @param checkpoints manifests that were read
 * @param deletedChunks and {@code freedBytes}, as stored
 * @param problems why it did not do all, for people: manifests that could not be read (then nothing
 *     was deleted), another collection under way, chunks that could not be deleted
 */
public record GcReport(
    long checkpoints, long deletedChunks, long freedBytes, List<String> problems) {
  public GcReport {
    problems = List.copyOf(problems);
  }

  /** Whether all was done. */
  public boolean complete() {
    return problems.isEmpty();
  }

  static GcReport nothing(long checkpoints, List<String> problems) {
    return new GcReport(checkpoints, 0, 0, problems);
  }
}
