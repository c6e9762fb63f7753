package dev.podflare.store;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What can happen to a sandbox or a snapshot. Names are part of the wire API. */
public enum EventType {
  SANDBOX_CREATED,
  SANDBOX_FORKED,
  SANDBOX_MERGED,
  SANDBOX_PAUSED,
  SANDBOX_RESUMED,
  SANDBOX_FROZEN,
  SANDBOX_ROLLED_BACK,
  SANDBOX_UNDONE,
  SANDBOX_CLOSED,
  SNAPSHOT_CREATED,
  SNAPSHOT_DELETED;

  /** For example {@code sandbox.rolled_back}. */
  public String wireName() {
    return name().toLowerCase(Locale.ROOT).replaceFirst("_", ".");
  }

  public static Optional<EventType> of(String wireName) {
    return Arrays.stream(values()).filter(type -> type.wireName().equals(wireName)).findFirst();
  }

  public static List<String> wireNames() {
    return Arrays.stream(values()).map(EventType::wireName).toList();
  }
}
