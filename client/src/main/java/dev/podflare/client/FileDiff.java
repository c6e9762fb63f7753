package dev.podflare.client;

import java.util.List;
import java.util.Optional;

/** What another sandbox's files have that this one's have not; each list in order of paths. */
public record FileDiff(
    List<FileChange> added, List<FileChange> removed, List<FileChange> modified) {
  public FileDiff {
    added = List.copyOf(added);
    removed = List.copyOf(removed);
    modified = List.copyOf(modified);
  }

  /** Whether there is no difference. */
  public boolean isEmpty() {
    return added.isEmpty() && removed.isEmpty() && modified.isEmpty();
  }

  /**
   * A file that differs, as the other sandbox has it; a removed one as this one has it.
   *
   * @param type {@code file}, {@code directory}, {@code link} or {@code other}
   * @param size bytes of a file, else 0
   * @param mode permission bits in octal, four digits
   * @param sha256 of a file, hex
   * @param patch unified, if asked for and the file is text that is not too long
   */
  public record FileChange(
      String path,
      String type,
      long size,
      String mode,
      Optional<String> sha256,
      Optional<String> patch) {}
}
