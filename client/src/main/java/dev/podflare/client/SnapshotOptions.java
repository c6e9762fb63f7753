package dev.podflare.client;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A snapshot to be taken.
 *
 * @param name 1 to 128 characters, by which it can be asked for
 * @param expiresIn after it the snapshot is removed; empty: it stays
 */
public record SnapshotOptions(Optional<String> name, Optional<Duration> expiresIn) {

  public static final SnapshotOptions UNNAMED =
      new SnapshotOptions(Optional.empty(), Optional.empty());

  public static SnapshotOptions named(String name) {
    return new SnapshotOptions(Optional.of(name), Optional.empty());
  }

  public SnapshotOptions withExpiresIn(Duration value) {
    return new SnapshotOptions(name, Optional.of(value));
  }

  Map<String, Object> body() {
    Map<String, Object> body = new LinkedHashMap<>();
    name.ifPresent(it -> body.put("name", it));
    expiresIn.ifPresent(it -> body.put("expires_in_seconds", Wire.seconds(it)));
    return body;
  }
}
