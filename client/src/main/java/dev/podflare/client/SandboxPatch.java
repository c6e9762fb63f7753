package dev.podflare.client;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Changes to a live sandbox; what is empty stays.
 *
 * @param timeout new lifetime, counted from now
 * @param autoResume whether calls wake it; follows {@code persistent} if only that is given
 * @param metadata replaces all metadata
 */
public record SandboxPatch(
    Optional<Duration> timeout,
    Optional<Duration> idleTimeout,
    Optional<Boolean> persistent,
    Optional<Boolean> autoResume,
    Optional<Map<String, String>> metadata) {

  public static final SandboxPatch NOTHING =
      new SandboxPatch(
          Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());

  public SandboxPatch withTimeout(Duration value) {
    return new SandboxPatch(Optional.of(value), idleTimeout, persistent, autoResume, metadata);
  }

  public SandboxPatch withIdleTimeout(Duration value) {
    return new SandboxPatch(timeout, Optional.of(value), persistent, autoResume, metadata);
  }

  public SandboxPatch withPersistent(boolean value) {
    return new SandboxPatch(timeout, idleTimeout, Optional.of(value), autoResume, metadata);
  }

  public SandboxPatch withAutoResume(boolean value) {
    return new SandboxPatch(timeout, idleTimeout, persistent, Optional.of(value), metadata);
  }

  public SandboxPatch withMetadata(Map<String, String> value) {
    return new SandboxPatch(
        timeout, idleTimeout, persistent, autoResume, Optional.of(Map.copyOf(value)));
  }

  Map<String, Object> body() {
    Map<String, Object> body = new LinkedHashMap<>();
    timeout.ifPresent(it -> body.put("timeout_seconds", Wire.seconds(it)));
    idleTimeout.ifPresent(it -> body.put("idle_timeout_seconds", Wire.seconds(it)));
    persistent.ifPresent(it -> body.put("persistent", it));
    autoResume.ifPresent(it -> body.put("auto_resume", it));
    metadata.ifPresent(it -> body.put("metadata", it));
    return body;
  }
}
