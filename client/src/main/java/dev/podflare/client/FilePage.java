package dev.podflare.client;

import java.util.List;
import java.util.Optional;

/**
 * A part of what is in a folder, sorted by the bytes of the names.
 *
 * @param nextCursor for the part after this one; empty at the end
 */
public record FilePage(List<FileEntry> entries, Optional<String> nextCursor) {
  public FilePage {
    entries = List.copyOf(entries);
  }
}
