package dev.podflare.client;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Which sandboxes to list; metadata pairs must all be present. Pages are of the server's default
 * size unless {@code limit} is given.
 */
public record ListFilter(
    Optional<String> state,
    Optional<String> template,
    Map<String, String> metadata,
    Optional<Integer> limit,
    Optional<String> cursor) {

  public static final ListFilter ALL =
      new ListFilter(
          Optional.empty(), Optional.empty(), Map.of(), Optional.empty(), Optional.empty());

  public ListFilter {
    metadata = Map.copyOf(metadata);
  }

  /** The same filter, from the page that {@link SandboxPage#nextCursor} names. */
  public ListFilter from(String newCursor) {
    return new ListFilter(state, template, metadata, limit, Optional.of(newCursor));
  }

  String query() {
    List<String> parts = new ArrayList<>();
    state.ifPresent(it -> parts.add("state=" + Wire.encode(it)));
    template.ifPresent(it -> parts.add("template=" + Wire.encode(it)));
    metadata.forEach(
        (key, value) -> parts.add("metadata." + Wire.encode(key) + "=" + Wire.encode(value)));
    limit.ifPresent(it -> parts.add("limit=" + it));
    cursor.ifPresent(it -> parts.add("cursor=" + Wire.encode(it)));
    return parts.isEmpty() ? "" : "?" + String.join("&", parts);
  }
}
