package dev.podflare.cli;

import dev.podflare.cli.BenchRow.Floor;
import dev.podflare.client.FileDiff;
import dev.podflare.client.Language;
import dev.podflare.client.Podflare;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.engine.EngineProbe;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** The rows about families: forks of several sizes, differences, merges. One thread. */
final class FamilyBench {
  /** Writes a megabyte between two forks, in place, as by somebody who works in the sandbox. */
  private static final String WORK =
      """
      import os
      if "work" not in globals(): work = bytearray(1_000_000)
      work[:] = os.urandom(len(work))
      """;

  /** Fills 256 MB once, and touches them again. */
  private static final String MUCH_WORK =
      """
      import os
      if "much" not in globals(): much = bytearray(os.urandom(1 << 20) * 256)
      much[::4096] = bytes(len(much) // 4096)
      """;

  private static final String CHANGE_TEN =
      "for i in {0..9}; do echo changed > /usr/share/changed-$i; done; sync";
  private static final List<String> COMPARED = List.of("/usr/share", "/usr/lib", "/root", "/tmp");

  private static final int MUCH_MEMORY = 1024; // MiB

  private final ForkBench forks;
  private final ForkBench heavyForks;
  private final Podflare podflare;
  private final SandboxOptions options;

  FamilyBench(EngineProbe probe, Podflare podflare, SandboxOptions options) {
    this.forks = new ForkBench(probe, podflare, options);
    this.heavyForks = new ForkBench(probe, podflare, roomy(options));
    this.podflare = podflare;
    this.options = options;
  }

  List<BenchRow> measure(Consumer<String> progress) {
    List<BenchRow> rows = new ArrayList<>();
    progress.accept("forks into five, and five bare restores, in turn");
    usual(rows);
    progress.accept("forks into one and into " + ForkBench.MOST_CHILDREN);
    wide(rows);
    progress.accept("forks with 256 MB of own pages");
    heavy(rows, 1);
    heavy(rows, 8);
    progress.accept("differences and merges");
    difference(rows);
    merges(rows);
    return rows;
  }

  private void usual(List<BenchRow> rows) {
    ForkBench.Figures figures = forks.measure(new ForkBench.Plan(5, 8, WORK));
    rows.add(against("fork(5) over HTTP, p50", figures));
    Statistics pause = Statistics.of(figures.pauses());
    rows.add(
        BenchRow.limited("fork(5), parent stood still, p50", pause.p50(), "ms", 20, p95(pause)));
    Statistics first = Statistics.of(figures.firstExecs());
    rows.add(
        BenchRow.bounded(
            "first print(1) in a child, p50",
            first.p50(),
            "ms",
            new Floor("the parent's", Statistics.of(figures.hotExecs()).p50()),
            3,
            0,
            p95(first)));
    Statistics memory = Statistics.of(figures.beyondOwn());
    rows.add(
        BenchRow.limited(
            "memory of an idle child beyond own pages, p50",
            memory.p50() / 1e6,
            "MB",
            50,
            "proportional; of " + memory.count()));
  }

  private static SandboxOptions roomy(SandboxOptions options) {
    SandboxOptions.Builder builder = SandboxOptions.builder().memoryMebibytes(MUCH_MEMORY);
    options.template().ifPresent(builder::template);
    return builder.build();
  }

  private static BenchRow against(String name, ForkBench.Figures figures) {
    return BenchRow.bounded(
        name,
        figures.total().p50(),
        "ms",
        new Floor("copies and bare restores", figures.floor().p50()),
        1.5,
        0,
        figures.steps());
  }

  private void wide(List<BenchRow> rows) {
    ForkBench.Figures one = forks.measure(new ForkBench.Plan(1, 5, WORK));
    ForkBench.Figures many = forks.measure(new ForkBench.Plan(ForkBench.MOST_CHILDREN, 2, WORK));
    rows.add(
        BenchRow.bounded(
            "fork(" + ForkBench.MOST_CHILDREN + "), against fork(1)",
            many.total().min(),
            "ms",
            new Floor("fork(1)", one.total().p50()),
            12,
            0,
            many.steps()));
  }

  private void heavy(List<BenchRow> rows, int children) {
    ForkBench.Figures figures = heavyForks.measure(new ForkBench.Plan(children, 2, MUCH_WORK));
    rows.add(against("fork(" + children + "), 256 MB own pages", figures));
  }

  /** As the official client does it: names and digests of all files, by bash, on both sides. */
  private void difference(List<BenchRow> rows) {
    String digests =
        "find " + String.join(" ", COMPARED) + " -xdev -type f -exec sha256sum {} + | sort";
    try (Sandbox parent = podflare.create(options);
        Sandbox child = parent.fork(1).getFirst()) {
      bash(child, CHANGE_TEN);
      parent.diff(child, COMPARED, false); // its first one starts Python in both
      long begin = System.nanoTime();
      FileDiff diff = parent.diff(child, COMPARED, false);
      double ours = (System.nanoTime() - begin) / 1e6;
      if (diff.added().size() != 10) {
        throw new IllegalStateException("not ten files: " + diff);
      }
      begin = System.nanoTime();
      CompletableFuture<String> other = CompletableFuture.supplyAsync(() -> bash(child, digests));
      bash(parent, digests);
      long files = other.join().lines().count();
      double official = (System.nanoTime() - begin) / 1e6;
      rows.add(
          BenchRow.bounded(
              "diff with 10 changed files",
              ours,
              "ms",
              new Floor("find … sha256sum in both", official),
              0.1,
              0,
              files + " files"));
    }
  }

  private void merges(List<BenchRow> rows) {
    List<Double> millis = new ArrayList<>();
    try (Sandbox parent = podflare.create(options)) {
      for (int i = 0; i < 5; i++) {
        Sandbox child = parent.fork(1).getFirst();
        long begin = System.nanoTime();
        parent.mergeInto(child);
        millis.add((System.nanoTime() - begin) / 1e6);
        ForkBench.run(parent, "print(1)");
      }
    }
    Statistics merge = Statistics.of(millis);
    rows.add(BenchRow.limited("merge_into, p50", merge.p50(), "ms", 20, p95(merge)));
  }

  private static String bash(Sandbox sandbox, String command) {
    RunResult result = sandbox.runCode(command, Language.BASH);
    if (result.exitCode() != 0) {
      throw new IllegalStateException(command + " failed: " + result.stderr());
    }
    return result.stdout();
  }

  private static String p95(Statistics statistics) {
    return String.format(Locale.ROOT, "n=%d, p95 %.1f ms", statistics.count(), statistics.p95());
  }
}
