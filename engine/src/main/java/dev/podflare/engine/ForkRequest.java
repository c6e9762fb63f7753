package dev.podflare.engine;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * What a caller asks of a fork.
 *
 * @param count children
 * @param metadata of each child; empty: that of the parent
 * @param timeout lifetime of each child; empty: what is left of the parent's
 * @param reseed also reseed the generators of the user's Python ({@code random}, NumPy's legacy
 *     one), which otherwise draw the same numbers in all children
 */
public record ForkRequest(
    int count, Optional<Map<String, String>> metadata, Optional<Duration> timeout, boolean reseed) {
  public ForkRequest {
    metadata = metadata.map(Map::copyOf);
  }

  /** So many children, all else as the parent has it. */
  public static ForkRequest of(int count) {
    return new ForkRequest(count, Optional.empty(), Optional.empty(), false);
  }
}
