package dev.podflare.cli;

import static dev.podflare.cli.BenchRow.Floor;

import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.engine.EngineProbe;
import dev.podflare.linux.ProcFs;
import dev.podflare.qemu.Machine;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.ToDoubleFunction;

/** The rows that need a look inside the daemon: floors, costs and sizes. One thread. */
final class EngineBench {
  private static final Duration IDLE_WINDOW = Duration.ofSeconds(10);
  private static final int ROUNDS = 12;
  private static final int ECHO_BYTES = 1 << 20;

  private final EngineProbe probe;
  private final Podflare podflare;
  private final SandboxOptions options;

  EngineBench(EngineProbe probe, Podflare podflare, SandboxOptions options) {
    this.probe = probe;
    this.podflare = podflare;
    this.options = options;
  }

  /** A restore, and what a refill of the pool costs. */
  List<BenchRow> restores(Consumer<String> progress) {
    progress.accept("restores, ours and a script's, " + ROUNDS + " each in turn");
    List<Double> bare = new ArrayList<>();
    List<EngineProbe.Refill> refills = new ArrayList<>();
    try (BareRestore script = new BareRestore(probe.restoreInput())) {
      script.once(); // its first one reads QEMU from disk
      for (int i = 0; i < ROUNDS; i++) {
        bare.add(script.once());
        refills.add(probe.refillOnce());
      }
    }
    Statistics floor = Statistics.of(bare);
    Statistics ours = Statistics.of(refills.stream().map(it -> millis(it.restore())).toList());
    List<BenchRow> rows = new ArrayList<>();
    rows.add(
        BenchRow.bounded(
            "restore into a blank, p50",
            ours.p50(),
            "ms",
            new Floor("bare QEMU from a script", floor.p50()),
            1.3,
            0,
            String.format(
                Locale.ROOT, "n=%d, p95 %.1f against %.1f ms", ROUNDS, ours.p95(), floor.p95())));
    double blank = mean(refills, it -> millis(it.blankCpu()));
    double restore = mean(refills, it -> millis(it.restoreCpu()));
    double warm = mean(refills, it -> millis(it.renewAndWarmCpu()));
    rows.add(
        BenchRow.reported(
            "refill of one pool member, CPU",
            (blank + restore + warm) / 1000,
            "s",
            String.format(
                Locale.ROOT,
                "blank %.0f ms, restore %.0f ms, identity and warm-up %.0f ms",
                blank,
                restore,
                warm)));
    return rows;
  }

  /** Memory and processor time of sandboxes that do nothing. */
  List<BenchRow> idle(Consumer<String> progress) {
    progress.accept("an idle sandbox, " + 2 * IDLE_WINDOW.toSeconds() + " s");
    List<BenchRow> rows = new ArrayList<>();
    try (Sandbox sandbox = podflare.create(options)) {
      sandbox.runCode("print(1)");
      Machine machine = probe.machine(sandbox.id());
      double running = idleShare(machine);
      double pss = ProcFs.memory(machine.pid(), "Pss") / 1e6;
      rows.add(
          BenchRow.limited(
              "proportional memory of an idle sandbox", pss, "MB", 50, "emulated; 25 with KVM"));
      rows.add(
          BenchRow.limited("idle CPU of a running sandbox", running, "% of a core", 1, window()));
    }
    Machine asleep =
        probe.machines().stream()
            .filter(it -> it.state() == dev.podflare.qemu.MachineState.PAUSED)
            .findFirst()
            .orElseThrow();
    rows.add(
        BenchRow.limited(
            "idle CPU of a paused sandbox", idleShare(asleep), "% of a core", 0.05, window()));
    return rows;
  }

  private static String window() {
    return "over " + IDLE_WINDOW.toSeconds() + " s";
  }

  /** Percent of a core, after the work of a moment ago has died down. */
  private static double idleShare(Machine machine) {
    sleep(Duration.ofSeconds(2));
    long before = machine.cgroup().cpuMillis();
    sleep(IDLE_WINDOW);
    return 100.0 * (machine.cgroup().cpuMillis() - before) / IDLE_WINDOW.toMillis();
  }

  /** Megabytes a second that the bare channel carries each way, in frames of 1 MiB. */
  static double bareThroughput(EngineProbe probe, String sandboxId) {
    int frames = 32;
    long begin = System.nanoTime();
    for (int i = 0; i < frames; i++) {
      probe.ping(sandboxId, ECHO_BYTES - 64);
    }
    double seconds = (System.nanoTime() - begin) / 1e9;
    return 2.0 * frames * ECHO_BYTES / 1e6 / seconds;
  }

  private static double mean(
      List<EngineProbe.Refill> refills, ToDoubleFunction<EngineProbe.Refill> figure) {
    return refills.stream().mapToDouble(figure).average().orElseThrow();
  }

  private static double millis(Duration duration) {
    return duration.toNanos() / 1e6;
  }

  private static void sleep(Duration time) {
    try {
      Thread.sleep(time);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
