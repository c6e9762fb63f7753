package dev.podflare.client;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What to ask of a sandbox that goes on with a Space; what is empty is as it was when it was
 * frozen.
 *
 * @param timeout lifetime, counted from now
 * @param persistent frozen again into another Space where it would be ended
 * @param network replaces the policy
 * @param metadata replaces all metadata
 * @param keep leaves the Space, to be resumed again
 */
public record ResumeOptions(
    Optional<Duration> timeout,
    Optional<Duration> idleTimeout,
    Optional<Boolean> persistent,
    Optional<Boolean> autoResume,
    Optional<NetworkPolicy> network,
    Optional<Map<String, String>> metadata,
    boolean keep) {

  public static final ResumeOptions AS_IT_WAS =
      new ResumeOptions(
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          false);

  public ResumeOptions withTimeout(Duration value) {
    return new ResumeOptions(
        Optional.of(value), idleTimeout, persistent, autoResume, network, metadata, keep);
  }

  public ResumeOptions withIdleTimeout(Duration value) {
    return new ResumeOptions(
        timeout, Optional.of(value), persistent, autoResume, network, metadata, keep);
  }

  public ResumeOptions withPersistent(boolean value) {
    return new ResumeOptions(
        timeout, idleTimeout, Optional.of(value), autoResume, network, metadata, keep);
  }

  public ResumeOptions withAutoResume(boolean value) {
    return new ResumeOptions(
        timeout, idleTimeout, persistent, Optional.of(value), network, metadata, keep);
  }

  public ResumeOptions withNetwork(NetworkPolicy value) {
    return new ResumeOptions(
        timeout, idleTimeout, persistent, autoResume, Optional.of(value), metadata, keep);
  }

  public ResumeOptions withMetadata(Map<String, String> value) {
    return new ResumeOptions(
        timeout,
        idleTimeout,
        persistent,
        autoResume,
        network,
        Optional.of(Map.copyOf(value)),
        keep);
  }

  public ResumeOptions withKeep(boolean value) {
    return new ResumeOptions(
        timeout, idleTimeout, persistent, autoResume, network, metadata, value);
  }

  Map<String, Object> body() {
    Map<String, Object> body = new LinkedHashMap<>();
    timeout.ifPresent(it -> body.put("timeout_seconds", Wire.seconds(it)));
    idleTimeout.ifPresent(it -> body.put("idle_timeout_seconds", Wire.seconds(it)));
    persistent.ifPresent(it -> body.put("persistent", it));
    autoResume.ifPresent(it -> body.put("auto_resume", it));
    network.ifPresent(it -> body.put("network", it.body()));
    metadata.ifPresent(it -> body.put("metadata", it));
    if (keep) {
      body.put("keep", true);
    }
    return body;
  }
}
