package dev.podflare.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RestoreGateTest {
  private static final long MOMENT = 250_000_000;

  private long now = 17;
  private final RestoreGate gate = new RestoreGate(1, () -> now);

  @Test
  void fillersGiveWayWhileCopiesAreMadeAndAMomentAfter() {
    assertThat(gate.busy()).isFalse();
    gate.copyBegins();
    gate.copyBegins();
    now += 10 * MOMENT;
    assertThat(gate.busy()).isTrue();
    gate.copyEnds();
    assertThat(gate.busy()).isTrue();
    gate.copyEnds();
    now += MOMENT - 1;
    assertThat(gate.busy()).isTrue();
    now++;
    assertThat(gate.busy()).isFalse();
  }

  @Test
  void whoWasJustServedIsExpectedToCall() {
    assertThat(gate.expectsCall()).isFalse();
    gate.served();
    now += MOMENT - 1;
    assertThat(gate.expectsCall()).isTrue();
    assertThat(gate.busy()).isFalse();
    now++;
    assertThat(gate.expectsCall()).isFalse();
  }

  @Test
  void itIsCalmFiveMillisecondsAfterTheLastCreate() {
    assertThat(gate.untilCalm()).isZero();
    gate.creates();
    assertThat(gate.untilCalm()).hasMillis(5);
    now += 4_000_000;
    assertThat(gate.untilCalm()).hasMillis(1);
    gate.creates();
    assertThat(gate.untilCalm()).hasMillis(5);
    now += 5_000_000;
    assertThat(gate.untilCalm()).isZero();
  }
}
