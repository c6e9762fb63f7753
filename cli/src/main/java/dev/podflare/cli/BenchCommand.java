package dev.podflare.cli;

import dev.podflare.client.ClientConfig;
import dev.podflare.client.Podflare;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.ServerInfo;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Measures the speed promises, each against a floor of the same run. */
@Command(
    name = "bench",
    description = {
      "Measure speed, as ratios against floors of the same run.",
      "Runs a daemon of its own, or takes the server at --url."
    })
final class BenchCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private DaemonOptions daemonOptions;

  @Option(names = "--url", paramLabel = "URL", description = "Measure this server instead")
  private @Nullable String url;

  @Option(names = "--key", paramLabel = "KEY", description = "API key for --url")
  private @Nullable String key;

  @Option(names = "--rounds", defaultValue = "100", description = "Calls per row; ${DEFAULT-VALUE}")
  private int rounds;

  @Option(names = "--burst", defaultValue = "50", description = "Creates at once; ${DEFAULT-VALUE}")
  private int burst;

  @Option(names = "--json", description = "Print JSON")
  private boolean json;

  @Override
  public Integer call() {
    if (url != null) {
      return bench(remote());
    }
    ServeConfig config = ownDaemon(daemonOptions.resolve(Optional.of(DemoCommand.FREE_PORT)));
    Logging.setUp(config.logFormat(), "warn");
    try (Daemon daemon = DaemonWiring.start(config)) {
      return bench(daemon.address());
    }
  }

  private ClientConfig remote() {
    ServerOptions options = new ServerOptions();
    options.url = url;
    options.key = key;
    return options.config(System.getenv());
  }

  /** The burst needs a pool of its size. */
  private ServeConfig ownDaemon(ServeConfig config) {
    return config.pool().isPresent() ? config : config.withPool(OptionalInt.of(burst));
  }

  private int bench(ClientConfig server) {
    PrintWriter out = spec.commandLine().getOut();
    PrintWriter progress = spec.commandLine().getErr();
    SandboxOptions.Builder options = SandboxOptions.builder();
    if (daemonOptions.template != null) {
      options.template(daemonOptions.template);
    }
    try (Podflare podflare = new Podflare(server)) {
      ServerInfo info = podflare.info();
      List<BenchRow> rows =
          new HttpBench(podflare, options.build(), rounds, burst)
              .measure(step -> {
                progress.println("  " + step + " …");
                progress.flush();
              });
      if (json) {
        Output.json(out, report(info, rows));
      } else {
        out.println(info.accelerator() + ": " + info.acceleratorReason());
        table(rows).print(out);
      }
      return rows.stream().allMatch(row -> row.kept().orElse(true)) ? 0 : Failures.OURS;
    }
  }

  private static Map<String, Object> report(ServerInfo info, List<BenchRow> rows) {
    Map<String, Object> report = new LinkedHashMap<>();
    report.put("version", info.version());
    report.put("accelerator", info.accelerator());
    report.put("accelerator_reason", info.acceleratorReason());
    report.put("processors", Runtime.getRuntime().availableProcessors());
    report.put("rows", rows.stream().map(BenchCommand::jsonRow).toList());
    return report;
  }

  private static Map<String, Object> jsonRow(BenchRow row) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("name", row.name());
    json.put("value", row.value());
    json.put("unit", row.unit());
    row.floor().ifPresent(floor -> json.put("floor", floor));
    row.ratio().ifPresent(ratio -> json.put("ratio", ratio));
    json.put("aim", row.aim());
    row.kept().ifPresent(kept -> json.put("kept", kept));
    json.put("note", row.note());
    return json;
  }

  static Table table(List<BenchRow> rows) {
    Table table = new Table("ROW", "VALUE", "FLOOR", "RATIO", "AIM", "KEPT", "NOTE");
    for (BenchRow row : rows) {
      table.row(
          row.name(),
          String.format(Locale.ROOT, "%.2f %s", row.value(), row.unit()),
          row.floor().map(it -> String.format(Locale.ROOT, "%.2f", it.value())).orElse("-"),
          row.ratio().map(it -> String.format(Locale.ROOT, "%.2f", it)).orElse("-"),
          row.aim(),
          row.kept().map(kept -> kept ? "yes" : "NO").orElse("-"),
          row.note());
    }
    return table;
  }
}
