package dev.podflare.cli;

import dev.podflare.client.Podflare;
import dev.podflare.client.SandboxOptions;
import dev.podflare.engine.EngineProbe;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The rows that are measured from outside, over HTTP, with sandboxes like any user's. Whatever a
 * call answers is checked: a wrong answer ends the bench, so that no failure counts as fast. One
 * thread.
 */
final class HttpBench {
  private final ExecBench execs;
  private final CreateBench creates;
  private final Optional<EngineProbe> probe;
  private final Optional<Statistics> withoutNetwork;
  private final int rounds;
  private final int burst;

  /**
   * For the floors.
   *
   * @param probe of a daemon in this process
   * @param withoutNetwork creates of a daemon that gives guests no network
   */
  HttpBench(
      Podflare podflare,
      SandboxOptions options,
      int rounds,
      int burst,
      Optional<EngineProbe> probe,
      Optional<Statistics> withoutNetwork) {
    this.withoutNetwork = withoutNetwork;
    this.probe = probe;
    this.execs = new ExecBench(podflare, options);
    this.creates = new CreateBench(podflare, options);
    this.rounds = rounds;
    this.burst = burst;
  }

  /** Measures row by row; {@code progress} hears what comes next. */
  List<BenchRow> measure(Consumer<String> progress) {
    List<BenchRow> rows = new ArrayList<>();
    progress.accept("hot exec, " + rounds + " calls");
    ExecBench.Hot hot = execs.hot(rounds, probe);
    Statistics exec = hot.exec();
    rows.add(
        hot.echo()
            .map(echo ->
                BenchRow.bounded(
                    "hot print(1) over HTTP, p50",
                    exec.p50(),
                    "ms",
                    new BenchRow.Floor("bare echo p50", echo.p50()),
                    1.5,
                    1,
                    spread(exec)))
            .orElseGet(() ->
                BenchRow.reported("hot print(1) over HTTP, p50", exec.p50(), "ms", spread(exec))));

    progress.accept("creates from the pool, " + rounds + " one after the other");
    Statistics create = creates.sequential(rounds);
    rows.add(
        BenchRow.bounded(
            "create from the pool, p50",
            create.p50(),
            "ms",
            new BenchRow.Floor("hot exec p50", exec.p50()),
            1.0,
            0,
            spread(create)));
    withoutNetwork.ifPresent(floor ->
        rows.add(
            BenchRow.bounded(
                "create with a network, p50",
                create.p50(),
                "ms",
                new BenchRow.Floor("create without", floor.p50()),
                1.1,
                0,
                spread(create))));

    progress.accept("burst of " + burst + " creates");
    Statistics crowd = creates.burst(burst);
    rows.add(
        BenchRow.bounded(
            "burst of " + burst + " creates, p95",
            crowd.p95(),
            "ms",
            new BenchRow.Floor("sequential create p50", create.p50()),
            3.0,
            0,
            spread(crowd)));

    progress.accept("output of one exec");
    rows.add(
        BenchRow.reported(
            "output throughput of one exec",
            execs.throughput(),
            "MB/s",
            ExecBench.OUTPUT_BYTES / 1_000_000
                + " MB in lines of 100 bytes"
                + probe
                    .map(it ->
                        String.format(
                            Locale.ROOT, "; bare channel %.0f MB/s", execs.bareThroughput(it)))
                    .orElse("")));
    return rows;
  }

  private static String spread(Statistics it) {
    return String.format(
        Locale.ROOT,
        "n=%d, min %s, p95 %s, max %s",
        it.count(),
        Durations.text(it.min()),
        Durations.text(it.p95()),
        Durations.text(it.max()));
  }
}
