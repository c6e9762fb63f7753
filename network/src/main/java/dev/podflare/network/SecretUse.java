package dev.podflare.network;

import java.time.Instant;
import java.util.Optional;

/**
 * What became of one secret in one slot, since the slot has its user.
 *
 * @param uses requests that got the value
 * @param refused requests to its hosts that the gate did not pass on
 */
public record SecretUse(long uses, long refused, Optional<Instant> lastUsed) {
  public static final SecretUse NONE = new SecretUse(0, 0, Optional.empty());

  SecretUse used(Instant now) {
    return new SecretUse(uses + 1, refused, Optional.of(now));
  }

  SecretUse refusedOnce() {
    return new SecretUse(uses, refused + 1, lastUsed);
  }
}
