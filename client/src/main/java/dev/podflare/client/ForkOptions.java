package dev.podflare.client;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * What children of a fork get; what is empty they have from their parent.
 *
 * @param count children; 1 to 32 unless the server is configured otherwise
 * @param metadata of each child
 * @param timeout lifetime of each child; else what is left of the parent's
 * @param reseed also reseed the random generators of Python and NumPy
 */
public record ForkOptions(
    int count, Optional<Map<String, String>> metadata, Optional<Duration> timeout, boolean reseed) {

  public static ForkOptions of(int count) {
    return new ForkOptions(count, Optional.empty(), Optional.empty(), false);
  }

  public ForkOptions withMetadata(Map<String, String> value) {
    return new ForkOptions(count, Optional.of(Map.copyOf(value)), timeout, reseed);
  }

  public ForkOptions withTimeout(Duration value) {
    return new ForkOptions(count, metadata, Optional.of(value), reseed);
  }

  public ForkOptions withReseed(boolean value) {
    return new ForkOptions(count, metadata, timeout, value);
  }

  Map<String, Object> body() {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("n", count);
    metadata.ifPresent(it -> body.put("metadata", it));
    timeout.ifPresent(it -> body.put("timeout_seconds", Wire.seconds(it)));
    if (reseed) {
      body.put("reseed", true);
    }
    return body;
  }
}
