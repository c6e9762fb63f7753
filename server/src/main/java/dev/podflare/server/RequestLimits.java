package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import io.github.bucket4j.Bucket;
import io.github.bucket4j.ConsumptionProbe;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/**
 * Requests a minute of each key. Only valid keys get a bucket, so there are as many. Thread-safe.
 */
final class RequestLimits {
  private final Map<String, Bucket> buckets = new ConcurrentHashMap<>();

  /** Takes one request off the key's minute, or refuses with {@code RATE_LIMITED}. */
  void take(Identity identity) {
    if (identity.requestsPerMinute().isEmpty()) {
      return;
    }
    int perMinute = identity.requestsPerMinute().getAsInt();
    ConsumptionProbe probe =
        buckets
            .computeIfAbsent(identity.caller().keyId(), id -> bucket(perMinute))
            .tryConsumeAndReturnRemaining(1);
    if (!probe.isConsumed()) {
      long seconds = TimeUnit.NANOSECONDS.toSeconds(probe.getNanosToWaitForRefill()) + 1;
      throw new PodflareException(
          ErrorCode.RATE_LIMITED,
          "this key may make " + perMinute + " requests a minute; try again in " + seconds + " s",
          Map.of("requests_per_minute", perMinute, "retry_after_seconds", seconds));
    }
  }

  void forget(String keyId) {
    buckets.remove(keyId);
  }

  private static Bucket bucket(int perMinute) {
    return Bucket.builder()
        .addLimit(limit -> limit.capacity(perMinute).refillGreedy(perMinute, Duration.ofMinutes(1)))
        .build();
  }
}
