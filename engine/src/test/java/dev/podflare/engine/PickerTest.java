package dev.podflare.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.engine.ExecRequest.Framing;
import dev.podflare.engine.FanOutRequest.Pick;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PickerTest {
  @ParameterizedTest
  @CsvSource({"MIN, 3, 2, 1", "MIN, 2, 2, 0", "MAX, -1e3, 2.5, 1", "MAX, 0, -0, 0"})
  void theBestNumberWinsAndTheFirstOfEquals(Pick pick, String first, String second, int winner) {
    Picker picker = new Picker(pick, 2);
    say(picker, 1, "1\n" + second + "\n\n");
    exit(picker, 1, 0);
    say(picker, 0, first);
    exit(picker, 0, 0);
    assertThat(picker.winner()).hasValue(winner);
    assertThat(picker.decided()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "1\nnone", "NaN", "0x1", "1 2", "01", "+1", "1e999", "1."})
  void whatIsNoNumberCannotWin(String text) {
    Picker picker = new Picker(Pick.MAX, 1);
    say(picker, 0, text);
    exit(picker, 0, 0);
    assertThat(picker.winner()).isEmpty();
  }

  @Test
  void aCallThatFailedCannotWin() {
    Picker picker = new Picker(Pick.MIN, 2);
    say(picker, 0, "1");
    exit(picker, 0, 1);
    say(picker, 1, "5");
    exit(picker, 1, 0);
    assertThat(picker.winner()).hasValue(1);
    assertThat(picker.value()).hasValue(5);
  }

  @Test
  void theFirstThatSucceedsDecides() {
    Picker picker = new Picker(Pick.FIRST_SUCCESS, 3);
    exit(picker, 2, 1);
    assertThat(picker.decided()).isFalse();
    exit(picker, 1, 0);
    assertThat(picker.decided()).isTrue();
    exit(picker, 0, 0);
    assertThat(picker.winner()).hasValue(1);
    assertThat(picker.value()).isEmpty();
  }

  @Test
  void aNumberInPiecesAndAfterMuchOutputIsFound() {
    Picker picker = new Picker(Pick.MAX, 1);
    say(picker, 0, "x".repeat(5000) + "\n-1");
    say(picker, 0, "2.5");
    exit(picker, 0, 0);
    assertThat(picker.value()).hasValue(-12.5);
    Picker cut = new Picker(Pick.MAX, 1);
    say(cut, 0, "1".repeat(3000));
    exit(cut, 0, 0);
    assertThat(cut.winner()).isEmpty();
  }

  private static void say(Picker picker, int child, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    picker.hear(child, Framing.CHUNKS, new ExecEvent.Output(0, 0, ExecEvent.Stream.STDOUT, bytes));
  }

  private static void exit(Picker picker, int child, int code) {
    picker.hear(child, Framing.CHUNKS, new ExecEvent.Exit(1, 0, code, ExecEvent.Reason.EXITED));
  }
}
