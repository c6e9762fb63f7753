package dev.podflare.common;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import org.junit.jupiter.api.Test;

class SteadyClockTest {
  private static final Instant BEGIN = Instant.parse("2026-11-26T10:00:00Z");
  private static final Duration HOUR = Duration.ofHours(1);
  private static final Duration SECOND = Duration.ofSeconds(1);

  private final HostClock host = new HostClock();
  private final SteadyClock clock = new SteadyClock(host, host::nanos);

  /** Both clocks of a host. */
  private static final class HostClock extends Clock {
    private Duration passed = Duration.ZERO;
    private Duration set = Duration.ZERO;
    private int slowReads;

    long nanos() {
      return passed.toNanos() - 42;
    }

    void pass(Duration time) {
      passed = passed.plus(time);
    }

    @Override
    public Instant instant() {
      if (slowReads > 0) { // the process is stopped in the middle of a look at both clocks
        slowReads--;
        pass(Duration.ofMinutes(1));
      }
      return BEGIN.plus(passed).plus(set);
    }

    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      return this;
    }
  }

  private Duration since() {
    return Duration.between(BEGIN, clock.instant());
  }

  @Test
  void withoutJumpsItIsTheWallClock() {
    for (int second = 0; second < 10_000; second++) {
      assertThat(since()).isEqualTo(host.passed.plus(host.set));
      host.pass(SECOND);
      host.set = host.set.plusMillis(1); // slewed by far more than a second in all
    }
    assertThat(clock.jump()).isZero();
  }

  @Test
  void itGoesOnEvenlyUntilItIsToldToFollow() {
    for (Duration jump : new Duration[] {HOUR, HOUR.negated(), Duration.ofDays(-20_000)}) {
      Duration before = since();
      host.set = host.set.plus(jump);
      assertThat(since()).isEqualTo(before);
      host.pass(SECOND);
      assertThat(since()).isEqualTo(before.plus(SECOND));
      assertThat(clock.jump()).isEqualTo(jump);
      clock.follow();
      assertThat(clock.jump()).isZero();
      assertThat(since()).isEqualTo(before.plus(SECOND).plus(jump));
    }
  }

  @Test
  void aStandstillIsNoJump() {
    host.pass(Duration.ofDays(1));
    assertThat(clock.jump()).isZero();
    assertThat(since()).isEqualTo(Duration.ofDays(1));
    host.slowReads = 1;
    assertThat(clock.jump()).isZero();
    host.slowReads = 1;
    assertThat(since()).isEqualTo(host.passed);
  }

  @Test
  void theEarliestTimeNeverComesTooSoon() {
    host.set = Duration.ofDays(365);
    clock.follow();
    host.pass(SECOND);
    assertThat(clock.earliest()).isEqualTo(BEGIN.plus(SECOND));
    host.set = Duration.ZERO;
    clock.follow();
    assertThat(clock.earliest()).isEqualTo(BEGIN.plus(SECOND));
    host.set = HOUR.negated();
    assertThat(clock.earliest()).isEqualTo(BEGIN.plus(SECOND).minus(HOUR));
  }
}
