package dev.podflare.engine;

import java.util.List;
import java.util.Optional;

/** What one sandbox's files have that another's have not. Each list is in order of paths. */
public record FileDiff(
    List<FileChange> added, List<FileChange> removed, List<FileChange> modified) {
  public FileDiff {
    added = List.copyOf(added);
    removed = List.copyOf(removed);
    modified = List.copyOf(modified);
  }

  /**
   * A file that differs, as the other sandbox has it; a removed one as the first has it.
   *
   * @param type {@code file}, {@code directory}, {@code link} or {@code other}
   * @param size bytes of a file, else 0
   * @param mode permission bits
   * @param sha256 of a file, hex; empty for others, and for one that was gone when it was read
   * @param patch unified, if asked for and both sides are text that is not too long
   */
  public record FileChange(
      String path,
      String type,
      long size,
      int mode,
      Optional<String> sha256,
      Optional<String> patch) {}
}
