package dev.podflare.cli;

import dev.podflare.client.ClientConfig;
import dev.podflare.client.Podflare;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.ServerInfo;
import dev.podflare.engine.EngineProbe;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Measures groups of rows, one after the other. A group that fails is said to have failed and does
 * not take the others' rows with it. One thread.
 */
final class BenchRun {
  private static final int FLOOR_POOL = 8;

  /**
   * How much is measured.
   *
   * @param rounds calls per row
   * @param burst creates at once
   * @param fileBytes size of the large file
   * @param template of all sandboxes; empty for the daemon's default
   */
  record Size(int rounds, int burst, long fileBytes, Optional<String> template) {}

  /**
   * What came of it.
   *
   * @param server of the last daemon
   * @param failures why a group has no rows
   */
  record Result(ServerInfo server, List<BenchRow> rows, Map<BenchGroup, String> failures) {
    /** Whether all was measured and every promise kept. */
    boolean kept() {
      return failures.isEmpty() && rows.stream().allMatch(row -> row.kept().orElse(true));
    }
  }

  private final Set<BenchGroup> groups;
  private final Size size;
  private final SandboxOptions options;
  private final Consumer<String> progress;
  private final Map<BenchGroup, List<BenchRow>> rows = new EnumMap<>(BenchGroup.class);
  private final Map<BenchGroup, String> failures = new EnumMap<>(BenchGroup.class);

  /** {@code progress} hears what comes next. */
  BenchRun(Set<BenchGroup> groups, Size size, Consumer<String> progress) {
    this.groups = groups;
    this.size = size;
    this.progress = progress;
    SandboxOptions.Builder builder = SandboxOptions.builder();
    size.template().ifPresent(builder::template);
    this.options = builder.build();
  }

  /** Of a server elsewhere; groups that need a look inside are not for it. */
  Result ofServer(ClientConfig server) {
    try (Podflare podflare = new Podflare(server)) {
      return measured(podflare, Optional.empty());
    }
  }

  /** Of daemons in this process. */
  Result ofOwnDaemon(ServeConfig given) {
    ServeConfig config = withMachines(given);
    measure(BenchGroup.STARTS, () -> starts(config));
    measure(BenchGroup.SECRETS, () -> secrets(config));
    Optional<Statistics> without =
        groups.contains(BenchGroup.HTTP)
            ? Optional.of(createsWithoutNetwork(config))
            : Optional.empty();
    try (LocalDaemon daemon = DaemonWiring.start(config);
        Podflare podflare = new Podflare(daemon.address())) {
      Inside inside = new Inside(daemon.engine().probe(), config.data(), without);
      return measured(podflare, Optional.of(inside));
    }
  }

  /**
   * What is known of a daemon in this process.
   *
   * @param data its folder
   * @param withoutNetwork creates of a daemon that gives guests no network, if they are wanted
   */
  private record Inside(EngineProbe probe, Path data, Optional<Statistics> withoutNetwork) {}

  /** The burst needs a pool of its size, and a fork a blank for each child. */
  private ServeConfig withMachines(ServeConfig given) {
    ServeConfig config =
        given.withNetwork(given.network().unlimited(List.of(BenchNameServer.ADDRESS)));
    int pool = groups.contains(BenchGroup.HTTP) ? size.burst() : 2;
    int blanks = groups.contains(BenchGroup.FORKS) ? ForkBench.MOST_CHILDREN : 2;
    return config.withMachines(config.pool().orElse(pool), config.blanks().orElse(blanks));
  }

  private Result measured(Podflare podflare, Optional<Inside> inside) {
    ServerInfo server = podflare.info();
    if (groups.stream().anyMatch(BenchGroup::shared)) {
      progress.accept("waiting for the pool to fill");
      new CreateBench(podflare, options).awaitFullPool();
    }
    int rounds = size.rounds();
    Optional<EngineProbe> probe = inside.map(Inside::probe);
    Optional<Statistics> without = inside.flatMap(Inside::withoutNetwork);
    measure(
        BenchGroup.HTTP,
        () ->
            new HttpBench(podflare, options, rounds, size.burst(), probe, without)
                .measure(progress));
    inside.ifPresent(it -> measureInside(podflare, it.probe(), it.data()));
    measure(BenchGroup.MCP, () -> new McpBench(podflare, options, rounds).measure(progress));
    measure(BenchGroup.SDKS, () -> new SdkBench(podflare, options, rounds).measure(progress));
    measure(BenchGroup.UNDO, () -> new UndoBench(podflare, options).measure(progress));
    measure(BenchGroup.CONTEXTS, () -> new ContextBench(podflare).measure(progress));
    return new Result(server, rows.values().stream().flatMap(List::stream).toList(), failures);
  }

  private void measureInside(Podflare podflare, EngineProbe probe, Path data) {
    EngineBench engine = new EngineBench(probe, podflare, options);
    measure(BenchGroup.RESTORES, () -> engine.restores(progress));
    measure(BenchGroup.FORKS, () -> new FamilyBench(probe, podflare, options).measure(progress));
    measure(BenchGroup.NETWORK, () -> new NetworkBench(probe, podflare, options).measure(progress));
    measure(BenchGroup.IDLE, () -> engine.idle(progress));
    measure(
        BenchGroup.TERMINALS, () -> new TerminalBench(probe, podflare, options).measure(progress));
    measure(
        BenchGroup.FILES,
        () -> new FilesBench(probe, podflare, options, size.fileBytes()).measure(progress));
    measure(BenchGroup.SPACES, () -> new SpaceBench(podflare, options, data).measure(progress));
  }

  @SuppressWarnings("IllegalCatch") // whatever it is, the other groups are measured all the same
  private void measure(BenchGroup group, Supplier<List<BenchRow>> bench) {
    if (!groups.contains(group)) {
      return;
    }
    try {
      rows.put(group, bench.get());
    } catch (RuntimeException failure) {
      failures.put(group, failure.toString());
    }
  }

  private List<BenchRow> starts(ServeConfig config) {
    progress.accept("daemon start");
    List<BenchRow> measured = new ArrayList<>();
    StartBench bench = new StartBench(config);
    bench.measure(); // reads everything from disk once
    measured.add(
        BenchRow.limited(
            "daemon start to first create", bench.measure(), "s", 2, "process start included"));
    progress.accept("a daemon that is killed and started again");
    measured.add(
        BenchRow.limited(
            "restart with " + StartBench.SANDBOXES + " sandboxes until all answer",
            new StartBench(config).measureRestart(),
            "s",
            2,
            "after kill -9; process start included"));
    return measured;
  }

  /** In a daemon of its own, which lets guests through to a web server beside this host. */
  private List<BenchRow> secrets(ServeConfig config) {
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
        return new SecretBench(podflare, options, site).measure(progress);
      }
    } finally {
      TemporaryFolder.delete(data);
    }
  }

  /** The floor of creates with a network: those of a daemon that gives guests none. */
  private Statistics createsWithoutNetwork(ServeConfig config) {
    progress.accept("creates without a network");
    Path data = TemporaryFolder.create("podflare-bench");
    ServeConfig alone =
        config.withoutNetwork(data, DaemonWiring.templates(config)).withMachines(FLOOR_POOL, 1);
    try (LocalDaemon daemon = DaemonWiring.start(alone);
        Podflare podflare = new Podflare(daemon.address())) {
      CreateBench creates = new CreateBench(podflare, options);
      creates.awaitFullPool();
      var _ =
          new ExecBench(podflare, options).hot(size.rounds(), Optional.of(daemon.engine().probe()));
      return creates.sequential(size.rounds());
    } finally {
      TemporaryFolder.delete(data);
    }
  }
}
