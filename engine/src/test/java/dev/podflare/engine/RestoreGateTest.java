package dev.podflare.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class RestoreGateTest {
  @Test
  void fillersGiveWayWhileCopiesAreMadeAndAMomentAfter() throws InterruptedException {
    RestoreGate gate = new RestoreGate(1);
    assertThat(gate.busy()).isFalse();
    gate.copyBegins();
    gate.copyBegins();
    assertThat(gate.busy()).isTrue();
    gate.copyEnds();
    gate.copyEnds();
    assertThat(gate.busy()).isTrue();
    while (gate.busy()) {
      Thread.sleep(10);
    }
  }

  @Test
  void aCallOfWhoWasJustServedIsExpected() throws InterruptedException {
    RestoreGate gate = new RestoreGate(1);
    assertThat(gate.expectsCall()).isFalse();
    gate.served();
    assertThat(gate.expectsCall()).isTrue();
    assertThat(gate.busy()).isFalse();
    while (gate.expectsCall()) {
      Thread.sleep(10);
    }
  }
}
