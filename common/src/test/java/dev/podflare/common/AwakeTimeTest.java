package dev.podflare.common;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;

class AwakeTimeTest {
  private static final long BEGIN = Long.MAX_VALUE - 1000; // nanoTime may overflow

  private long now = BEGIN;
  private final AwakeTime time = new AwakeTime(() -> now);

  private void pass(Duration duration) {
    now += duration.toNanos();
  }

  @Test
  void aStandstillDoesNotCountForWhoeverLooksFirst() {
    pass(AwakeTime.TICK);
    assertThat(time.now() - BEGIN).isEqualTo(AwakeTime.TICK.toNanos());
    pass(Duration.ofMinutes(1));
    assertThat(time.now() - BEGIN).isEqualTo(2 * AwakeTime.TICK.toNanos());
    pass(Duration.ofMillis(900)); // a busy host
    assertThat(Duration.ofNanos(time.now() - BEGIN)).isEqualTo(Duration.ofMillis(1100));
  }

  @Test
  void itTellsForAWhileThatItStoodStill() {
    Duration second = Duration.ofSeconds(1);
    assertThat(time.woke(second)).isFalse();
    pass(Duration.ofMinutes(1));
    assertThat(time.woke(second)).isTrue();
    pass(Duration.ofMillis(900));
    assertThat(time.woke(second)).isTrue();
    pass(Duration.ofMillis(200));
    assertThat(time.woke(second)).isFalse();
  }

  @Test
  void aWaitHasItsDeadline() throws Exception {
    Duration shortly = Duration.ofMillis(20);
    assertThat(AwakeTime.get(CompletableFuture.completedFuture(7), shortly)).isEqualTo(7);
    assertThatThrownBy(() -> AwakeTime.get(new CompletableFuture<>(), shortly))
        .isInstanceOf(TimeoutException.class);
    assertThatThrownBy(() -> AwakeTime.get(new CompletableFuture<>(), Duration.ofSeconds(-1)))
        .isInstanceOf(TimeoutException.class);
  }
}
