package dev.podflare.cli;

import dev.podflare.client.ApiException;
import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;

/**
 * What the SDKs cost: a short call in a warm sandbox by each of them and by a bare socket that is
 * kept, in one program and in turns; many calls at once by one program; imports; and the command
 * line from its first to its last moment. One thread.
 */
final class SdkBench {
  private static final int SANDBOXES = 20;
  private static final int CALLS = 100; // as the row says
  private static final int IMPORTS = 10;
  private static final int RUNS = 10;
  private static final int WARM_UP_ROUNDS = 1500;

  private final Podflare podflare;
  private final SandboxOptions options;
  private final int rounds;
  private final SdkPrograms programs;

  SdkBench(Podflare podflare, SandboxOptions options, int rounds) {
    this.podflare = podflare;
    this.options = options;
    this.rounds = rounds;
    this.programs = new SdkPrograms(podflare.config());
  }

  List<BenchRow> measure(Consumer<String> progress) {
    List<BenchRow> rows = new ArrayList<>();
    try (Sandbox sandbox = podflare.create(options)) {
      progress.accept("SDKs, " + rounds + " calls each, in turns with a bare socket");
      rows.add(java(sandbox));
      rows.add(
          hot(
              "SDK overhead on hot exec, Python",
              programs.python("hot", "" + rounds, sandbox.id())));
      rows.add(
          hot(
              "SDK overhead on hot exec, TypeScript",
              programs.node("hot", "" + rounds, sandbox.id())));
      progress.accept("imports and the command line");
      rows.add(imported("import of the Python SDK", programs.python("import", "" + IMPORTS), 150));
      rows.add(imported("import of the TypeScript SDK", programs.node("import", "" + IMPORTS), 50));
      rows.add(commandLine());
    } catch (IOException broken) {
      throw new UncheckedIOException(broken);
    }
    progress.accept("calls at once by one AsyncSandbox program");
    rows.addAll(parallel());
    return rows;
  }

  private BenchRow java(Sandbox sandbox) throws IOException {
    List<Double> more = new ArrayList<>();
    List<Double> own = new ArrayList<>();
    List<Double> bare = new ArrayList<>();
    try (RawExec raw = new RawExec(podflare.config(), sandbox.id())) {
      for (int round = -WARM_UP_ROUNDS; round < rounds; round++) {
        long began = System.nanoTime();
        raw.run();
        long middle = System.nanoTime();
        RawExec.check(sandbox.runCode(RawExec.CODE).stdout().equals("1\n"));
        long end = System.nanoTime();
        if (round >= 0) {
          bare.add((middle - began) / 1e6);
          own.add((end - middle) / 1e6);
          more.add((end - middle - (middle - began)) / 1e6);
        }
      }
    }
    return hot(
        "SDK overhead on hot exec, Java",
        Statistics.of(more).p50(),
        Statistics.of(own).p50(),
        Statistics.of(bare).p50());
  }

  private BenchRow hot(String name, SdkPrograms.Told told) {
    if (told.answer().isEmpty()) {
      return BenchRow.absent(name, "ms", told.why());
    }
    JsonNode answer = told.answer().get();
    return hot(name, number(answer, "more"), number(answer, "sdk"), number(answer, "bare"));
  }

  private BenchRow hot(String name, double more, double own, double bare) {
    String note =
        String.format(
            Locale.ROOT,
            "median difference of %d pairs; %s by the SDK, %s by a bare socket",
            rounds,
            Durations.text(own),
            Durations.text(bare));
    return BenchRow.limited(name, more, "ms", 1, note);
  }

  private static BenchRow imported(String name, SdkPrograms.Told told, double limit) {
    if (told.answer().isEmpty()) {
      return BenchRow.absent(name, "ms", told.why());
    }
    String note = "median of " + IMPORTS + " new processes";
    return BenchRow.limited(name, number(told.answer().get(), "import"), "ms", limit, note);
  }

  private BenchRow commandLine() {
    String name = "./podflare run 'print(1)' from start to end";
    List<Double> times = new ArrayList<>();
    for (int run = -1; run < RUNS; run++) {
      awaitFullPool();
      Optional<Double> millis = programs.commandLine();
      if (millis.isEmpty()) {
        return BenchRow.absent(name, "ms", "not started by ./podflare");
      }
      if (run >= 0) {
        times.add(millis.get());
      }
    }
    return BenchRow.limited(
        name, Statistics.of(times).p50(), "ms", 400, "median of " + RUNS + ", a create included");
  }

  private List<BenchRow> parallel() {
    List<Sandbox> sandboxes = new ArrayList<>();
    try {
      for (int i = 0; i < SANDBOXES; i++) {
        sandboxes.add(podflare.create(options));
      }
    } catch (ApiException full) {
      if (sandboxes.isEmpty() || full.status() != 503) {
        sandboxes.forEach(Sandbox::delete);
        throw full;
      }
    }
    try {
      awaitFullPool();
      List<String> arguments = new ArrayList<>(List.of("parallel", "" + CALLS));
      sandboxes.forEach(it -> arguments.add(it.id()));
      return parallel(sandboxes.size(), programs.python(arguments.toArray(String[]::new)));
    } finally {
      sandboxes.forEach(Sandbox::delete);
    }
  }

  /** What a create takes out is made anew beside whatever is measured next. */
  private void awaitFullPool() {
    new CreateBench(podflare, options).awaitFullPool();
  }

  private static List<BenchRow> parallel(int sandboxes, SdkPrograms.Told told) {
    String name = "100 calls at once in " + sandboxes + " sandboxes, one AsyncSandbox program";
    if (told.answer().isEmpty()) {
      return List.of(BenchRow.absent(name, "ms", told.why()));
    }
    JsonNode answer = told.answer().get();
    return List.of(
        BenchRow.bounded(
            name,
            number(answer, "sdk"),
            "ms",
            new BenchRow.Floor("bare sockets", number(answer, "bare")),
            1.2,
            0,
            "medians, in turns"),
        BenchRow.limited(
            "threads of that program", number(answer, "threads"), "threads", 1, "the most seen"));
  }

  private static double number(JsonNode answer, String name) {
    return answer.path(name).asDouble(Double.NaN);
  }
}
