package dev.podflare.engine;

import java.util.List;

/**
 * What of two sandboxes is compared.
 *
 * @param paths absolute; folders with all below them on the same file system
 * @param content also patches of text files
 */
public record DiffRequest(List<String> paths, boolean content) {
  public static final List<String> USUAL_PATHS = List.of("/root", "/tmp");

  public DiffRequest {
    paths = List.copyOf(paths);
  }
}
