package dev.podflare.cli;

import dev.podflare.cli.BenchRow.Floor;
import dev.podflare.client.ForkOptions;
import dev.podflare.client.Forked;
import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.engine.EngineProbe;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * What a fork into three costs, and how long its parent stands still, against three bare restores
 * side by side. One thread.
 */
final class ForkBench {
  static final int CHILDREN = 3;
  private static final int ROUNDS = 10;
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  /** What is written between two forks, as by somebody who works in the sandbox. */
  private static final String WORK = "import os; work = os.urandom(4_000_000)";

  private final EngineProbe probe;
  private final Podflare podflare;
  private final SandboxOptions options;

  ForkBench(EngineProbe probe, Podflare podflare, SandboxOptions options) {
    this.probe = probe;
    this.podflare = podflare;
    this.options = options;
  }

  /** The parent's rows last. */
  List<BenchRow> measure() {
    List<Double> totals = new ArrayList<>();
    List<Double> pauses = new ArrayList<>();
    List<Map<String, Double>> timings = new ArrayList<>();
    List<Double> floors = new ArrayList<>();
    long own;
    try (Sandbox parent = podflare.create(options);
        ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
      List<BareRestore> scripts = scripts();
      try {
        for (int i = 0; i < ROUNDS; i++) {
          floors.add(slowest(scripts, executor));
          parent.runCode(WORK);
          awaitBlanks();
          long begin = System.nanoTime();
          Forked forked = parent.fork(ForkOptions.of(CHILDREN));
          totals.add((System.nanoTime() - begin) / 1e6);
          pauses.add(forked.parentPausedMs());
          timings.add(forked.timingsMs());
          forked.children().forEach(Sandbox::close);
        }
      } finally {
        scripts.forEach(BareRestore::close);
      }
      own = parent.info().ownMemoryBytes();
    }
    return rows(totals, pauses, timings, floors, own);
  }

  private List<BareRestore> scripts() {
    List<BareRestore> scripts = new ArrayList<>();
    for (int i = 0; i < CHILDREN; i++) {
      scripts.add(new BareRestore(probe.restoreInput()));
    }
    return scripts;
  }

  private static double slowest(List<BareRestore> scripts, ExecutorService executor) {
    List<Future<Double>> restores =
        scripts.stream().map(script -> executor.submit(script::once)).toList();
    double slowest = 0;
    for (Future<Double> restore : restores) {
      try {
        slowest = Math.max(slowest, restore.get());
      } catch (ExecutionException e) {
        throw new IllegalStateException("a bare restore failed", e.getCause());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted", e);
      }
    }
    return slowest;
  }

  /** Machines that are missing would be started within the fork. */
  private void awaitBlanks() {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (System.nanoTime() < end
        && podflare.capacity().templates().values().stream()
            .noneMatch(pool -> pool.blanks() >= CHILDREN)) {
      try {
        Thread.sleep(50);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  private static List<BenchRow> rows(
      List<Double> totals,
      List<Double> pauses,
      List<Map<String, Double>> timings,
      List<Double> floors,
      long own) {
    Statistics total = Statistics.of(totals);
    Statistics pause = Statistics.of(pauses);
    long started = timings.stream().filter(it -> it.containsKey("start_blanks")).count();
    String steps =
        String.format(
            Locale.ROOT,
            "n=%d, p95 %.0f ms, %.0f MB own pages, %d with machines started; p50 of prepare %.1f,"
                + " barrier %.1f, checkpoint %.1f, restore %.1f, renew %.1f ms",
            ROUNDS,
            total.p95(),
            own / 1e6,
            started,
            step(timings, "prepare"),
            step(timings, "barrier"),
            step(timings, "checkpoint"),
            step(timings, "restore"),
            step(timings, "renew"));
    return List.of(
        BenchRow.bounded(
            "fork(3) over HTTP, p50",
            total.p50(),
            "ms",
            new Floor("3 bare restores side by side", Statistics.of(floors).p50()),
            1.5,
            0,
            steps),
        BenchRow.limited(
            "fork(3), parent stood still, p50",
            pause.p50(),
            "ms",
            20,
            String.format(Locale.ROOT, "p95 %.1f ms", pause.p95())));
  }

  private static double step(List<Map<String, Double>> timings, String name) {
    return Statistics.of(timings.stream().map(it -> it.getOrDefault(name, 0.0)).toList()).p50();
  }
}
