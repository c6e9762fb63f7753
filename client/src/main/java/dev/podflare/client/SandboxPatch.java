package dev.podflare.client;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Changes to a live sandbox; what is empty stays.
 *
 * @param timeout new lifetime, counted from now
 * @param metadata replaces all metadata
 */
public record SandboxPatch(
    Optional<Duration> timeout,
    Optional<Duration> idleTimeout,
    Optional<Boolean> persistent,
    Optional<Map<String, String>> metadata) {

  public static final SandboxPatch NOTHING =
      new SandboxPatch(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());

  public SandboxPatch withTimeout(Duration value) {
    return new SandboxPatch(Optional.of(value), idleTimeout, persistent, metadata);
  }

  public SandboxPatch withIdleTimeout(Duration value) {
    return new SandboxPatch(timeout, Optional.of(value), persistent, metadata);
  }

  public SandboxPatch withPersistent(boolean value) {
    return new SandboxPatch(timeout, idleTimeout, Optional.of(value), metadata);
  }

  public SandboxPatch withMetadata(Map<String, String> value) {
    return new SandboxPatch(timeout, idleTimeout, persistent, Optional.of(Map.copyOf(value)));
  }

  Map<String, Object> body() {
    Map<String, Object> body = new LinkedHashMap<>();
    timeout.ifPresent(it -> body.put("timeout_seconds", Wire.seconds(it)));
    idleTimeout.ifPresent(it -> body.put("idle_timeout_seconds", Wire.seconds(it)));
    persistent.ifPresent(it -> body.put("persistent", it));
    metadata.ifPresent(it -> body.put("metadata", it));
    return body;
  }
}
