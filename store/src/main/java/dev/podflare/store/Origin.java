package dev.podflare.store;

import java.util.Map;

/**
 * Where a new sandbox comes from, as its event says it.
 *
 * @param source {@code template}, {@code fork}, {@code snapshot} or {@code space}
 * @param reference the id of that, by the name that it has in the event; none for a template
 */
public record Origin(String source, Map<String, String> reference) {
  public static final Origin TEMPLATE = new Origin("template", Map.of());

  public Origin {
    reference = Map.copyOf(reference);
  }

  public static Origin snapshot(String snapshotId) {
    return new Origin("snapshot", Map.of("snapshot_id", snapshotId));
  }

  public static Origin space(String spaceId) {
    return new Origin("space", Map.of("space_id", spaceId));
  }

  static Origin fork(String parentId) {
    return new Origin("fork", Map.of("parent_id", parentId));
  }
}
