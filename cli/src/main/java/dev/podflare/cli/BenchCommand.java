package dev.podflare.cli;

import dev.podflare.client.ClientConfig;
import dev.podflare.client.Podflare;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.ServerInfo;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.EngineProbe;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
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
  private static final int FLOOR_POOL = 8;

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

  @Option(names = "--network-only", description = "Only the rows about guests' networks")
  private boolean networkOnly;

  @Option(names = "--spaces-only", description = "Only the rows about pauses, Spaces and restarts")
  private boolean spacesOnly;

  @Option(names = "--undo-only", description = "Only the rows about undo")
  private boolean undoOnly;

  @Option(names = "--terminals-only", description = "Only the rows about terminals")
  private boolean terminalsOnly;

  @Option(names = "--files-only", description = "Only the rows about files")
  private boolean filesOnly;

  @Option(names = "--mcp-only", description = "Only the rows about MCP")
  private boolean mcpOnly;

  @Option(names = "--sdk-only", description = "Only the rows about the SDKs and the command line")
  private boolean sdkOnly;

  @Option(names = "--secrets-only", description = "Only the rows about the secret gate")
  private boolean secretsOnly;

  @Option(
      names = "--contexts-only",
      description = "Only the rows about contexts, of the templates java and python-datasci")
  private boolean contextsOnly;

  @Option(
      names = "--file-mb",
      defaultValue = "256",
      description = "Megabytes of the large file; ${DEFAULT-VALUE}")
  private long fileMegabytes;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      arity = "0..1",
      fallbackValue = "-",
      description = "Write JSON to FILE, besides the table; without FILE print it instead")
  private @Nullable String json;

  @Override
  public Integer call() {
    if (url != null && only()) {
      throw new PodflareException(
          ErrorCode.INVALID_CONFIG,
          "--network-only, --spaces-only, --undo-only, --terminals-only, --files-only,"
              + " --mcp-only, --sdk-only, --contexts-only and --secrets-only need a daemon of their"
              + " own, not one at --url");
    }
    if (url != null) {
      return bench(remote(), List.of(), Optional.empty(), Optional.empty(), Optional.empty());
    }
    ServeConfig config = ownDaemon(daemonOptions.resolve(Optional.of(DemoCommand.FREE_PORT)));
    Logging.setUp(config.logFormat(), "warn");
    if (networkOnly) {
      return benchNetwork(config);
    }
    if (spacesOnly) {
      return benchSpaces(config);
    }
    if (undoOnly) {
      return benchUndo(config);
    }
    if (terminalsOnly) {
      return benchTerminals(config);
    }
    if (filesOnly) {
      return benchFiles(config);
    }
    if (mcpOnly) {
      return benchMcp(config);
    }
    if (sdkOnly) {
      return benchSdks(config);
    }
    if (contextsOnly) {
      return benchContexts(config);
    }
    if (secretsOnly) {
      return benchSecrets(config);
    }
    List<BenchRow> starts = new ArrayList<>(starts(config));
    starts.addAll(secrets(config).rows());
    Statistics without = createsWithoutNetwork(config);
    try (LocalDaemon daemon = DaemonWiring.start(config)) {
      return bench(
          daemon.address(),
          starts,
          Optional.of(daemon.engine().probe()),
          Optional.of(config.data()),
          Optional.of(without));
    }
  }

  private int benchNetwork(ServeConfig config) {
    try (LocalDaemon daemon = DaemonWiring.start(config);
        Podflare podflare = new Podflare(daemon.address())) {
      List<BenchRow> rows =
          new NetworkBench(daemon.engine().probe(), podflare, options()).measure(this::say);
      return shown(podflare.info(), rows);
    }
  }

  private boolean only() {
    return networkOnly
        || spacesOnly
        || undoOnly
        || terminalsOnly
        || filesOnly
        || mcpOnly
        || sdkOnly
        || contextsOnly
        || secretsOnly;
  }

  private int benchMcp(ServeConfig config) {
    try (LocalDaemon daemon = DaemonWiring.start(config);
        Podflare podflare = new Podflare(daemon.address())) {
      new CreateBench(podflare, options()).awaitFullPool();
      return shown(podflare.info(), new McpBench(podflare, options(), rounds).measure(this::say));
    }
  }

  private int benchSdks(ServeConfig config) {
    try (LocalDaemon daemon = DaemonWiring.start(config);
        Podflare podflare = new Podflare(daemon.address())) {
      new CreateBench(podflare, options()).awaitFullPool();
      return shown(podflare.info(), new SdkBench(podflare, options(), rounds).measure(this::say));
    }
  }

  private int benchContexts(ServeConfig config) {
    try (LocalDaemon daemon = DaemonWiring.start(config);
        Podflare podflare = new Podflare(daemon.address())) {
      return shown(podflare.info(), new ContextBench(podflare).measure(this::say));
    }
  }

  private int benchTerminals(ServeConfig config) {
    try (LocalDaemon daemon = DaemonWiring.start(config);
        Podflare podflare = new Podflare(daemon.address())) {
      EngineProbe probe = daemon.engine().probe();
      return shown(
          podflare.info(), new TerminalBench(probe, podflare, options()).measure(this::say));
    }
  }

  private int benchSpaces(ServeConfig config) {
    List<BenchRow> rows = new ArrayList<>();
    rows.add(restart(config));
    try (LocalDaemon daemon = DaemonWiring.start(config);
        Podflare podflare = new Podflare(daemon.address())) {
      rows.addAll(new SpaceBench(podflare, options(), config.data()).measure(this::say));
      return shown(podflare.info(), rows);
    }
  }

  private int benchUndo(ServeConfig config) {
    try (LocalDaemon daemon = DaemonWiring.start(config);
        Podflare podflare = new Podflare(daemon.address())) {
      new CreateBench(podflare, options()).awaitFullPool();
      return shown(podflare.info(), new UndoBench(podflare, options()).measure(this::say));
    }
  }

  private int benchSecrets(ServeConfig config) {
    Measured measured = secrets(config);
    return shown(measured.info(), measured.rows());
  }

  private record Measured(ServerInfo info, List<BenchRow> rows) {}

  /** In a daemon of its own, which lets guests through to a web server beside this host. */
  private Measured secrets(ServeConfig config) {
    Path data = TemporaryFolder.create("podflare-bench");
    try (SecretBench.Site site = SecretBench.Site.start(data)) {
      ServeConfig own =
          config
              .withoutNetwork(data, DaemonWiring.templates(config))
              .withMachines(2, 2)
              .withNetwork(
                  config
                      .network()
                      .unlimited(
                          List.of(BenchNameServer.ADDRESS),
                          Optional.of(List.of(site.address().getHostAddress())),
                          Optional.of(List.of(site.certificate()))));
      try (LocalDaemon daemon = DaemonWiring.start(own);
          Podflare podflare = new Podflare(daemon.address())) {
        return new Measured(
            podflare.info(), new SecretBench(podflare, options(), site).measure(this::say));
      }
    } finally {
      TemporaryFolder.delete(data);
    }
  }

  private int benchFiles(ServeConfig config) {
    try (LocalDaemon daemon = DaemonWiring.start(config);
        Podflare podflare = new Podflare(daemon.address())) {
      return shown(podflare.info(), files(daemon.engine().probe(), podflare));
    }
  }

  private List<BenchRow> files(EngineProbe probe, Podflare podflare) {
    return new FilesBench(probe, podflare, options(), fileMegabytes * 1_000_000).measure(this::say);
  }

  private List<BenchRow> starts(ServeConfig config) {
    return List.of(start(config), restart(config));
  }

  private BenchRow restart(ServeConfig config) {
    say("a daemon that is killed and started again");
    return BenchRow.limited(
        "restart with " + StartBench.SANDBOXES + " sandboxes until all answer",
        new StartBench(config).measureRestart(),
        "s",
        2,
        "after kill -9; process start included");
  }

  /** The floor of creates with a network: those of a daemon that gives guests none. */
  private Statistics createsWithoutNetwork(ServeConfig config) {
    say("creates without a network");
    Path data = TemporaryFolder.create("podflare-bench");
    ServeConfig alone =
        config.withoutNetwork(data, DaemonWiring.templates(config)).withMachines(FLOOR_POOL, 1);
    try (LocalDaemon daemon = DaemonWiring.start(alone);
        Podflare podflare = new Podflare(daemon.address())) {
      CreateBench creates = new CreateBench(podflare, options());
      creates.awaitFullPool();
      return creates.sequential(rounds);
    } finally {
      TemporaryFolder.delete(data);
    }
  }

  private SandboxOptions options() {
    SandboxOptions.Builder builder = SandboxOptions.builder();
    if (daemonOptions.template != null) {
      builder.template(daemonOptions.template);
    }
    return builder.build();
  }

  private BenchRow start(ServeConfig config) {
    say("daemon start");
    StartBench bench = new StartBench(config);
    bench.measure(); // reads everything from disk once
    return BenchRow.limited(
        "daemon start to first create", bench.measure(), "s", 2, "process start included");
  }

  private void say(String step) {
    PrintWriter progress = spec.commandLine().getErr();
    progress.println("  " + step + " …");
    progress.flush();
  }

  private ClientConfig remote() {
    ServerOptions options = new ServerOptions();
    options.url = url;
    options.key = key;
    return options.config(System.getenv());
  }

  /** The burst needs a pool of its size, and a fork a blank for each child. */
  private ServeConfig ownDaemon(ServeConfig config) {
    ServeConfig own =
        config.withNetwork(config.network().unlimited(List.of(BenchNameServer.ADDRESS)));
    return only()
        ? own.withMachines(config.pool().orElse(2), config.blanks().orElse(2))
        : own.withMachines(
            config.pool().orElse(burst), config.blanks().orElse(ForkBench.MOST_CHILDREN));
  }

  private int bench(
      ClientConfig server,
      List<BenchRow> first,
      Optional<EngineProbe> probe,
      Optional<Path> data,
      Optional<Statistics> withoutNetwork) {
    SandboxOptions options = options();
    try (Podflare podflare = new Podflare(server)) {
      ServerInfo info = podflare.info();
      List<BenchRow> rows = new ArrayList<>();
      rows.addAll(
          new HttpBench(podflare, options, rounds, burst, probe, withoutNetwork)
              .measure(this::say));
      probe.ifPresent(it -> rows.addAll(new EngineBench(it, podflare, options).measure(this::say)));
      rows.addAll(new McpBench(podflare, options, rounds).measure(this::say));
      rows.addAll(new SdkBench(podflare, options, rounds).measure(this::say));
      rows.addAll(new UndoBench(podflare, options).measure(this::say));
      probe.ifPresent(
          it -> rows.addAll(new TerminalBench(it, podflare, options).measure(this::say)));
      probe.ifPresent(it -> rows.addAll(files(it, podflare)));
      rows.addAll(new ContextBench(podflare).measure(this::say));
      data.ifPresent(it -> rows.addAll(new SpaceBench(podflare, options, it).measure(this::say)));
      rows.addAll(first);
      return shown(info, rows);
    }
  }

  private int shown(ServerInfo info, List<BenchRow> rows) {
    show(info, rows);
    return rows.stream().allMatch(row -> row.kept().orElse(true)) ? 0 : Failures.OURS;
  }

  private void show(ServerInfo info, List<BenchRow> rows) {
    PrintWriter out = spec.commandLine().getOut();
    if ("-".equals(json)) {
      Output.json(out, report(info, rows));
      return;
    }
    out.println(info.accelerator() + ": " + info.acceleratorReason());
    table(rows).print(out);
    if (json != null) {
      try (PrintWriter file = new PrintWriter(Files.newBufferedWriter(Path.of(json)))) {
        Output.json(file, report(info, rows));
      } catch (IOException unwritable) {
        throw new PodflareException(
            ErrorCode.INVALID_CONFIG, "cannot write " + json + ": " + unwritable, unwritable);
      }
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

  private static Map<String, @Nullable Object> jsonRow(BenchRow row) {
    Map<String, @Nullable Object> json = new LinkedHashMap<>();
    json.put("name", row.name());
    json.put("value", Double.isNaN(row.value()) ? null : row.value());
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
          Double.isNaN(row.value())
              ? "-"
              : String.format(Locale.ROOT, "%.2f %s", row.value(), row.unit()),
          row.floor().map(it -> String.format(Locale.ROOT, "%.2f", it.value())).orElse("-"),
          row.ratio().map(it -> String.format(Locale.ROOT, "%.2f", it)).orElse("-"),
          row.aim(),
          row.kept().map(kept -> kept ? "yes" : "NO").orElse("-"),
          row.note());
    }
    return table;
  }
}
