package dev.podflare.cli;

import dev.podflare.cli.BenchRow.Floor;
import dev.podflare.client.ApiException;
import dev.podflare.client.Language;
import dev.podflare.client.Podflare;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/**
 * First calls of contexts that lie warm in the template {@code java}, and a figure of the template
 * {@code python-datasci}. One thread.
 */
final class ContextBench {
  private static final int SANDBOXES = 5;
  private static final int HOT = 30;
  private static final int FIGURES = 10;
  private static final String WARM = "java";
  private static final String FIGURE = "python-datasci";

  private static final Map<String, String> FIRST_CALLS = firstCalls();

  private static final String MAKE =
      """
      def make():
          fig, ax = plt.subplots()
          ax.plot(range(100), [i * i for i in range(100)], label='squares')
          ax.legend()
          return fig
      """;

  /** What the figure costs in the guest's Python alone, drawn as a notebook draws it. */
  private static final String NATIVELY =
      """
      import time
      from IPython.core.pylabtools import print_figure
      began = time.perf_counter()
      fig = make()
      png = print_figure(fig, 'png')
      took = time.perf_counter() - began
      plt.close(fig)
      print(took * 1000 if png else None)
      """;

  private final Podflare podflare;

  ContextBench(Podflare podflare) {
    this.podflare = podflare;
  }

  private static Map<String, String> firstCalls() {
    Map<String, String> calls = new LinkedHashMap<>();
    calls.put("bash", "echo 1");
    calls.put("javascript", "console.log(1)");
    calls.put("java", "System.out.println(1);");
    return calls;
  }

  List<BenchRow> measure(Consumer<String> progress) {
    List<BenchRow> rows = new ArrayList<>();
    progress.accept("first calls of contexts");
    try {
      rows.addAll(firsts());
    } catch (ApiException refused) {
      rows.add(absent("first context calls", WARM, refused));
    }
    progress.accept("a figure");
    try {
      rows.add(figure());
    } catch (ApiException refused) {
      rows.add(absent("figure to its PNG event, p50", FIGURE, refused));
    }
    return rows;
  }

  private static BenchRow absent(String name, String template, ApiException refused) {
    if (!refused.code().startsWith("template_not_")) {
      throw refused;
    }
    return BenchRow.absent(
        name, "ms", "not measured: ./podflare template build " + template + " comes first");
  }

  private SandboxOptions of(String template) {
    return SandboxOptions.builder().template(template).build();
  }

  private List<BenchRow> firsts() {
    List<Double> hot = new ArrayList<>();
    Map<String, List<Double>> opens = new LinkedHashMap<>();
    Map<String, List<Double>> calls = new LinkedHashMap<>();
    for (int i = 0; i < SANDBOXES; i++) {
      try (Sandbox sandbox = podflare.create(of(WARM))) {
        for (int n = 0; n < HOT; n++) {
          double took = timed(() -> one(sandbox.runCode("print(1)")));
          if (n >= HOT / 2) {
            hot.add(took);
          }
        }
        FIRST_CALLS.forEach((language, code) -> {
          String[] context = {""};
          double open = timed(() -> context[0] = sandbox.contexts().open(language).id());
          double call = timed(() -> one(run(sandbox, RunRequest.in(context[0], code))));
          opens.computeIfAbsent(language, _ -> new ArrayList<>()).add(open);
          calls.computeIfAbsent(language, _ -> new ArrayList<>()).add(call);
        });
      }
    }
    Floor floor = new Floor("hot exec", Statistics.of(hot).p50());
    List<BenchRow> rows = new ArrayList<>();
    calls.forEach((language, millis) ->
        rows.add(
            BenchRow.bounded(
                "first " + language + " context call, p50",
                Statistics.of(millis).p50(),
                "ms",
                floor,
                3,
                0,
                String.format(
                    Locale.ROOT,
                    "n=%d; the context was opened in %.1f ms before",
                    SANDBOXES,
                    Statistics.of(opens.getOrDefault(language, List.of())).p50()))));
    return rows;
  }

  private BenchRow figure() {
    List<Double> events = new ArrayList<>();
    List<Double> natively = new ArrayList<>();
    try (Sandbox sandbox = podflare.create(of(FIGURE))) {
      ok(
          sandbox.runCode(
              "import matplotlib\nmatplotlib.use('module://matplotlib_inline.backend_inline')\n"
                  + "import matplotlib.pyplot as plt\n"
                  + MAKE));
      for (int i = 0; i < FIGURES + 2; i++) {
        String said = ok(sandbox.runCode(NATIVELY)).stdout().strip();
        double event = event(sandbox);
        if (i >= 2) { // the first ones are for the fonts
          natively.add(Double.valueOf(said));
          events.add(event);
        }
      }
    }
    return BenchRow.bounded(
        "figure to its PNG event, p50",
        Statistics.of(events).p50(),
        "ms",
        new Floor("natively in the guest", Statistics.of(natively).p50()),
        1.2,
        2,
        "n=" + FIGURES + "; the figure as data comes with it");
  }

  private static double event(Sandbox sandbox) {
    long[] at = {0};
    long began = System.nanoTime();
    RunListener listener =
        new RunListener() {
          @Override
          public void result(Map<String, String> data) {
            if (data.containsKey("image/png")) {
              at[0] = System.nanoTime();
            }
          }
        };
    ok(sandbox.run(RunRequest.of("_ = make()", Language.PYTHON), listener));
    if (at[0] == 0) {
      throw new PodflareException(ErrorCode.INTERNAL, "a figure was drawn and not shown");
    }
    return (at[0] - began) / 1e6;
  }

  private static double timed(Runnable work) {
    long began = System.nanoTime();
    work.run();
    return (System.nanoTime() - began) / 1e6;
  }

  private static RunResult run(Sandbox sandbox, RunRequest request) {
    return sandbox.run(request, new RunListener() {});
  }

  private static RunResult ok(RunResult result) {
    if (!result.ok()) {
      throw new PodflareException(ErrorCode.INTERNAL, "a call failed: " + result.stderr());
    }
    return result;
  }

  private static void one(RunResult result) {
    if (!ok(result).stdout().equals("1\n")) {
      throw new PodflareException(ErrorCode.INTERNAL, "a call printed '" + result.stdout() + "'");
    }
  }
}
