package dev.podflare.engine;

import java.time.Duration;
import java.util.Optional;

/** Changes below a folder as they happen. One thread; to be closed. */
public interface FileChanges extends AutoCloseable {
  /**
   * One change, by the guest's word.
   *
   * @param what {@code created}, {@code modified}, {@code written} (closed after it was written),
   *     {@code attributes}, {@code deleted}, {@code moved_from}, {@code moved_to}, or {@code
   *     overflow}: changes were lost, list anew
   * @param path below the watched folder; empty for itself
   * @param directory whether it is one
   * @param cookie what both halves of a move have in common, else 0
   */
  public record FileChange(String what, Optional<FilePath> path, boolean directory, long cookie) {}

  /** Whether the watched folder is gone: nothing more comes. */
  boolean ended();

  /** The next within a time. */
  Optional<FileChange> next(Duration wait);

  @Override
  void close();
}
