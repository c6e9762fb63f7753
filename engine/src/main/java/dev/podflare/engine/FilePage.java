package dev.podflare.engine;

import java.util.List;
import java.util.Optional;

/**
 * A part of what is in a folder, sorted by the bytes of the names.
 *
 * @param next what to list on after; empty at the end
 */
public record FilePage(List<FileInfo> entries, Optional<FilePath> next) {
  public FilePage {
    entries = List.copyOf(entries);
  }
}
