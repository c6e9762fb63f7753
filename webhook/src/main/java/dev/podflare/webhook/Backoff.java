package dev.podflare.webhook;

import java.time.Duration;
import java.util.Optional;
import java.util.random.RandomGenerator;

/**
 * How long until the next attempt: twice as long each time, and a little by chance. Thread-safe.
 */
final class Backoff {
  private static final int MOST_DOUBLINGS = 30;

  private final Duration first;
  private final Duration longest;
  private final RandomGenerator random;

  Backoff(WebhookConfig config, RandomGenerator random) {
    this.first = config.firstPause();
    this.longest = config.longestPause();
    this.random = random;
  }

  /**
   * Between four fifths and six fifths of the nominal pause, so that what failed together does not
   * come again together.
   *
   * @param attempts that there were
   * @param wish of the receiver, kept up to the longest pause
   */
  Duration pause(int attempts, Optional<Duration> wish) {
    Duration nominal = first.multipliedBy(1L << Math.min(MOST_DOUBLINGS, attempts - 1));
    Duration bounded = nominal.compareTo(longest) < 0 ? nominal : longest;
    long jittered = (long) (bounded.toMillis() * (0.8 + 0.4 * random.nextDouble()));
    long wished =
        wish.map(it -> it.compareTo(longest) < 0 ? it : longest).orElse(Duration.ZERO).toMillis();
    return Duration.ofMillis(Math.max(jittered, wished));
  }
}
