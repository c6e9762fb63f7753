package dev.podflare.store.checkpoint;

import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a checkpoint consists of.
 *
 * @param addedBytes stored bytes of the chunks that it was the first to have
 * @param parts by name, in the order in which they were first written
 */
record CheckpointManifest(
    String id, Instant createdAt, long addedBytes, String attributes, Map<String, Part> parts) {
  static final String FOLDER = "checkpoints/";

  /**
   * A part: windows ascend and do not overlap; none reaches beyond {@code size} with a run.
   *
   * @param ownBytes bytes of all its runs
   */
  record Part(long size, long ownBytes, List<Window> windows) {
    Part {
      windows = List.copyOf(windows);
    }
  }

  CheckpointManifest {
    parts = Collections.unmodifiableMap(new LinkedHashMap<>(parts));
  }

  static String name(String id) {
    return FOLDER + id;
  }
}
