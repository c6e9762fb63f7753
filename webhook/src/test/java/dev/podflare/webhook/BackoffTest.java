package dev.podflare.webhook;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BackoffTest {
  private final Backoff backoff = new Backoff(WebhookConfig.defaults(), new Random(1));

  @Test
  void eachPauseIsTwiceAsLongUpToTheLongest() {
    long[] nominal = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600};
    for (int attempt = 1; attempt <= nominal.length; attempt++) {
      Duration pause = backoff.pause(attempt, Optional.empty());
      assertThat(pause.toMillis() / 1000.0)
          .isBetween(nominal[attempt - 1] * 0.8, nominal[attempt - 1] * 1.2);
    }
    assertThat(backoff.pause(10_000, Optional.empty())).isLessThan(Duration.ofMinutes(73));
  }

  @Test
  void aWishIsKeptWithinReason() {
    Duration minute = Duration.ofMinutes(1);
    assertThat(backoff.pause(1, Optional.of(minute))).isEqualTo(minute);
    assertThat(backoff.pause(1, Optional.of(Duration.ofDays(9)))).isEqualTo(Duration.ofHours(1));
    assertThat(backoff.pause(12, Optional.of(minute))).isGreaterThan(minute);
  }
}
