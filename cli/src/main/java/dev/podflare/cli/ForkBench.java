package dev.podflare.cli;

import dev.podflare.client.ForkOptions;
import dev.podflare.client.Forked;
import dev.podflare.client.Podflare;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.engine.EngineProbe;
import dev.podflare.linux.ProcFs;
import dev.podflare.qemu.Machine;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Forks one parent some times into n, in turn with the floor: a copy of its own pages for each
 * child and n bare restores, side by side. One thread.
 */
final class ForkBench {
  /** How many blanks the daemon should keep: the widest fork that is measured. */
  static final int MOST_CHILDREN = 32;

  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final Duration SETTLE = Duration.ofSeconds(2);

  private final EngineProbe probe;
  private final Podflare podflare;
  private final SandboxOptions options;

  ForkBench(EngineProbe probe, Podflare podflare, SandboxOptions options) {
    this.probe = probe;
    this.podflare = podflare;
    this.options = options;
  }

  /**
   * What is measured.
   *
   * @param children of each fork
   * @param work Python that runs in the parent before each fork
   */
  record Plan(int children, int rounds, String work) {}

  /**
   * Figures of all rounds; milliseconds but for the bytes.
   *
   * @param floors of each round
   * @param firstExecs of each child, after the fork has returned
   * @param hotExecs of the parent, before each fork
   * @param ownBytes of the parent in the end
   * @param beyondOwn proportional memory of each idle child without its own pages, bytes
   */
  record Figures(
      Plan plan,
      List<Double> totals,
      List<Double> pauses,
      List<Map<String, Double>> timings,
      List<Double> floors,
      List<Double> firstExecs,
      List<Double> hotExecs,
      long ownBytes,
      List<Double> beyondOwn) {

    private Figures(Plan plan) {
      this(
          plan,
          new ArrayList<>(),
          new ArrayList<>(),
          new ArrayList<>(),
          new ArrayList<>(),
          new ArrayList<>(),
          new ArrayList<>(),
          0,
          new ArrayList<>());
    }

    private Figures withOwnBytes(long bytes) {
      return new Figures(
          plan, totals, pauses, timings, floors, firstExecs, hotExecs, bytes, beyondOwn);
    }

    Statistics total() {
      return Statistics.of(totals);
    }

    Statistics floor() {
      return Statistics.of(floors);
    }

    /** Where the time went, in words. */
    String steps() {
      StringBuilder steps = new StringBuilder();
      steps.append(
          String.format(
              Locale.ROOT,
              "n=%d, p95 %.0f ms, %.0f MB own pages; p50 of",
              totals.size(),
              total().p95(),
              ownBytes / 1e6));
      for (String step :
          List.of(
              "prepare", "barrier", "checkpoint", "image", "start_blanks", "restore", "renew")) {
        List<Double> values =
            timings.stream().filter(it -> it.containsKey(step)).map(it -> it.get(step)).toList();
        if (!values.isEmpty()) {
          steps.append(String.format(Locale.ROOT, " %s %.1f,", step, Statistics.of(values).p50()));
        }
      }
      return steps.substring(0, steps.length() - 1) + " ms";
    }
  }

  Figures measure(Plan plan) {
    Figures figures = new Figures(plan);
    try (Sandbox parent = podflare.create(options);
        ForkFloor floor = new ForkFloor(probe, plan.children())) {
      for (int i = 0; i < plan.rounds(); i++) {
        run(parent, plan.work());
        figures.hotExecs().add(timed(parent));
        figures.floors().add(floor.once(probe.machine(parent.id()).ownMemory()));
        awaitBlanks();
        round(parent, figures, i == plan.rounds() - 1);
      }
      return figures.withOwnBytes(parent.info().ownMemoryBytes());
    }
  }

  private void round(Sandbox parent, Figures figures, boolean last) {
    long begin = System.nanoTime();
    Forked forked = parent.fork(ForkOptions.of(figures.plan().children()));
    figures.totals().add((System.nanoTime() - begin) / 1e6);
    figures.pauses().add(forked.parentPausedMs());
    figures.timings().add(forked.timingsMs());
    try {
      forked.children().forEach(child -> figures.firstExecs().add(timed(child)));
      if (last) {
        sleep(SETTLE);
        forked.children().forEach(child -> figures.beyondOwn().add(beyondOwn(child)));
      }
    } finally {
      forked.children().forEach(Sandbox::close);
    }
  }

  private static double timed(Sandbox sandbox) {
    long begin = System.nanoTime();
    run(sandbox, "print(1)");
    return (System.nanoTime() - begin) / 1e6;
  }

  /** A wrong answer ends the bench, so that no failure counts as fast. */
  static void run(Sandbox sandbox, String code) {
    RunResult result = sandbox.runCode(code);
    if (result.exitCode() != 0) {
      throw new IllegalStateException(code + " failed: " + result.stderr());
    }
  }

  private double beyondOwn(Sandbox child) {
    Machine machine = probe.machine(child.id());
    return Math.max(0, ProcFs.memory(machine.pid(), "Pss") - machine.ownMemory());
  }

  /** Machines that are missing would be started within the fork. */
  private void awaitBlanks() {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (System.nanoTime() < end
        && podflare.capacity().templates().values().stream()
            .noneMatch(pool -> pool.blanks() >= MOST_CHILDREN && pool.ready() >= pool.target())) {
      sleep(Duration.ofMillis(50));
    }
  }

  private static void sleep(Duration time) {
    try {
      Thread.sleep(time);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
