package dev.podflare.cli;

import dev.podflare.client.Podflare;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/** The rows about undo: what it adds to each call, and how long it takes itself. One thread. */
final class UndoBench {
  private static final int KEEP = 8;
  private static final int WARM_UP = 10;
  private static final int CALLS = 60;
  private static final int UNDOS = 10;

  private final Podflare podflare;
  private final SandboxOptions plain;
  private final SandboxOptions undoing;

  UndoBench(Podflare podflare, SandboxOptions options) {
    this.podflare = podflare;
    SandboxOptions.Builder builder = SandboxOptions.builder();
    options.template().ifPresent(builder::template);
    this.plain = builder.build();
    this.undoing = builder.undo(KEEP).build();
  }

  List<BenchRow> measure(Consumer<String> progress) {
    progress.accept("calls that can be undone");
    List<BenchRow> rows = new ArrayList<>();
    List<Double> without = new ArrayList<>();
    List<Double> with = new ArrayList<>();
    try (Sandbox usual = podflare.create(plain);
        Sandbox keeping = podflare.create(undoing)) {
      for (int i = 0; i < WARM_UP; i++) {
        double ignored = call(usual, "print(1)") + call(keeping, "print(1)");
      }
      for (int i = 0; i < CALLS; i++) { // in turns, so that both meet the same host
        without.add(call(usual, "print(1)"));
        with.add(call(keeping, "print(1)"));
      }
      Statistics hot = Statistics.of(without);
      Statistics kept = Statistics.of(with);
      rows.add(
          BenchRow.limited(
              "hot print(1) with undo: 8, time added, p50",
              kept.p50() - hot.p50(),
              "ms",
              15,
              String.format(
                  Locale.ROOT,
                  "%.2f ms instead of %.2f; p95 %.1f; %.1f MB own",
                  kept.p50(),
                  hot.p50(),
                  kept.p95(),
                  keeping.info().ownMemoryBytes() / 1e6)));
      rows.add(writes(keeping));
      rows.add(undos(keeping));
    }
    return rows;
  }

  /** Calls that leave something on the disk and in memory. */
  private static BenchRow writes(Sandbox keeping) {
    List<Double> times = new ArrayList<>();
    for (int i = 0; i < CALLS / 2; i++) {
      double ignored =
          call(keeping, "open('/root/f','w').write('x' * 100_000); import os; os.sync()");
      times.add(call(keeping, "print(1)"));
    }
    Statistics after = Statistics.of(times);
    return BenchRow.reported(
        "print(1) with undo after a call that wrote 0.1 MB to disk, p50",
        after.p50(),
        "ms",
        String.format(Locale.ROOT, "p95 %.1f ms", after.p95()));
  }

  private static BenchRow undos(Sandbox keeping) {
    List<Double> times = new ArrayList<>();
    for (int i = 0; i < UNDOS; i++) {
      double ignored = call(keeping, "x = %d".formatted(i)) + call(keeping, "x = -1");
      long begin = System.nanoTime();
      keeping.undo(1);
      RunResult result = keeping.runCode("print(x)");
      times.add((System.nanoTime() - begin) / 1e6);
      if (!result.stdout().equals(i + "\n")) {
        throw new IllegalStateException("after an undo x is " + result.stdout());
      }
    }
    Statistics undo = Statistics.of(times);
    return BenchRow.reported(
        "undo of one call to the first output, p50",
        undo.p50(),
        "ms",
        String.format(Locale.ROOT, "n=%d, p95 %.1f ms", undo.count(), undo.p95()));
  }

  private static double call(Sandbox sandbox, String code) {
    long begin = System.nanoTime();
    RunResult result = sandbox.runCode(code);
    if (result.exitCode() != 0) {
      throw new IllegalStateException(code + " failed: " + result.stderr());
    }
    return (System.nanoTime() - begin) / 1e6;
  }
}
