package dev.podflare.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class FiguresTest {
  @Test
  void percentilesAreOfTheNearestRank() {
    List<Double> hundred = IntStream.rangeClosed(1, 100).mapToObj(it -> (double) it).toList();
    assertThat(Statistics.of(hundred.reversed())).isEqualTo(new Statistics(100, 1, 50, 95, 100));
    assertThat(Statistics.of(List.of(3.0))).isEqualTo(new Statistics(1, 3, 3, 3, 3));
    assertThat(Statistics.of(List.of(1.0, 2.0, 9.0)).p95()).isEqualTo(9);
    assertThatThrownBy(() -> Statistics.of(List.of())).hasMessage("no values");
  }

  @Test
  void aRowIsKeptUpToItsBound() {
    BenchRow.Floor floor = new BenchRow.Floor("echo", 2);
    assertThat(BenchRow.bounded("r", 4.0, "ms", floor, 1.5, 1, "").kept()).contains(true);
    BenchRow broken = BenchRow.bounded("r", 4.1, "ms", floor, 1.5, 1, "");
    assertThat(broken.kept()).contains(false);
    assertThat(broken.ratio()).contains(2.05);
    assertThat(broken.aim()).isEqualTo("≤ 1.5 × echo + 1 ms");
    assertThat(BenchRow.reported("r", 1, "MB/s", "").kept()).isEmpty();
  }

  @Test
  void columnsAreAsWideAsTheirWidestCell() {
    StringWriter text = new StringWriter();
    new Table("A", "B").row("long cell", "x").row("y", "").print(new PrintWriter(text));
    assertThat(text.toString().lines()).containsExactly("A          B", "long cell  x", "y");
  }

  @Test
  void durationsAreReadAndWritten() {
    Durations durations = new Durations();
    assertThat(durations.convert("250ms")).isEqualTo(Duration.ofMillis(250));
    assertThat(durations.convert("30")).isEqualTo(Duration.ofSeconds(30));
    assertThat(durations.convert("10m")).isEqualTo(Duration.ofMinutes(10));
    assertThat(durations.convert("2h")).isEqualTo(Duration.ofHours(2));
    assertThatThrownBy(() -> durations.convert("-1s")).hasMessageContaining("-1s");
    assertThat(Durations.text(0.42)).isEqualTo("0.4 ms");
    assertThat(Durations.text(12.3)).isEqualTo("12 ms");
    assertThat(Durations.text(3100)).isEqualTo("3.1 s");
  }
}
