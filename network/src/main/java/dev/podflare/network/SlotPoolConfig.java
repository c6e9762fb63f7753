package dev.podflare.network;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.time.Duration;

/**
 * How many slots there are.
 *
 * @param ready kept ready to be taken
 * @param limit most slots at a time, taken and ready together
 * @param patience how long a taker waits while slots are being scrubbed
 */
public record SlotPoolConfig(int ready, int limit, Duration patience) {
  public SlotPoolConfig {
    if (ready < 0 || limit < 1 || ready > limit) {
      throw new PodflareException(
          ErrorCode.INVALID_CONFIG,
          "of at most " + limit + " slots " + ready + " cannot be kept ready");
    }
  }
}
