package dev.podflare.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class FillTurnTest {
  private static final long SECOND = 1_000_000_000;

  private long now = 17;
  private final RestoreGate gate = new RestoreGate(1, () -> now);
  private final FillTurn turn = new FillTurn(gate, new EngineConfig.PoolSize(8, 4), () -> now);

  @Test
  void aPoolIsFullWhenItHasBoth() {
    assertThat(turn.full(8, 4)).isTrue();
    assertThat(turn.full(8, 3)).isFalse();
    assertThat(turn.full(7, 4)).isFalse();
  }

  @Test
  void whoWasJustServedGoesFirstWhileHalfIsLeft() {
    now += 100 * SECOND;
    turn.wasFull();
    assertThat(turn.givesWay(7, 4)).isFalse();
    gate.served();
    assertThat(turn.givesWay(7, 4)).isTrue();
    assertThat(turn.givesWay(4, 2)).isTrue();
    assertThat(turn.givesWay(3, 4)).isFalse();
    assertThat(turn.givesWay(8, 1)).isFalse();
    now += SECOND / 4;
    assertThat(turn.givesWay(7, 4)).isFalse();
  }

  @Test
  void callsWithoutEndHoldItUpForTwoSecondsSinceItWasFull() {
    turn.wasFull();
    for (int i = 0; i < 20; i++) {
      gate.served();
      assertThat(turn.givesWay(7, 4)).isTrue();
      now += SECOND / 10;
      turn.made();
    }
    now++;
    gate.served();
    assertThat(turn.givesWay(7, 4)).isFalse();
    turn.wasFull();
    assertThat(turn.givesWay(7, 4)).isTrue();
  }

  @Test
  void copiesWithoutEndHoldEachMachineUpForTwoSeconds() {
    gate.copyBegins();
    assertThat(turn.givesWay(0, 0)).isTrue();
    now += 2 * SECOND + 1;
    assertThat(turn.givesWay(0, 0)).isFalse();
    turn.made();
    assertThat(turn.givesWay(0, 0)).isTrue();
  }

  @Test
  void whatIsNotWantedIsNotMissed() {
    FillTurn blanksOnly = new FillTurn(gate, new EngineConfig.PoolSize(0, 4), () -> now);
    gate.served();
    assertThat(blanksOnly.givesWay(0, 1)).isFalse();
    assertThat(blanksOnly.givesWay(0, 3)).isTrue();
    assertThat(blanksOnly.full(0, 4)).isTrue();
  }

  @Test
  void createsWithoutEndHoldEachMachineUpForTwoSeconds() {
    for (int i = 0; i <= 2000; i++) {
      gate.creates();
      assertThat(turn.givesWay(1, 0)).isTrue();
      now += SECOND / 1000;
    }
    gate.creates();
    assertThat(turn.givesWay(1, 0)).isFalse();
    turn.made();
    assertThat(turn.givesWay(1, 0)).isTrue();
    now += SECOND / 200;
    assertThat(turn.givesWay(1, 0)).isFalse();
  }
}
