package dev.podflare.cli;

import dev.podflare.client.ClientConfig;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
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

  @Option(
      names = "--only",
      paramLabel = "GROUP",
      split = ",",
      description = "Only these groups of rows: ${COMPLETION-CANDIDATES}")
  private @Nullable List<BenchGroup> only;

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
    BenchRun.Size size =
        new BenchRun.Size(
            rounds, burst, fileMegabytes * 1_000_000, Optional.ofNullable(daemonOptions.template));
    BenchRun run = new BenchRun(groups(), size, this::say);
    BenchRun.Result result = url == null ? run.ofOwnDaemon(config()) : run.ofServer(remote());
    show(new BenchReport(result));
    return result.kept() ? 0 : Failures.OURS;
  }

  private ServeConfig config() {
    ServeConfig config = daemonOptions.resolve(Optional.of(DemoCommand.FREE_PORT));
    Logging.setUp(config.logFormat(), "warn");
    return config;
  }

  private Set<BenchGroup> groups() {
    Set<BenchGroup> wanted = only == null ? EnumSet.allOf(BenchGroup.class) : EnumSet.copyOf(only);
    if (url == null) {
      return wanted;
    }
    if (only == null) {
      wanted.removeIf(group -> !group.fromOutside());
    } else if (!only.stream().allMatch(BenchGroup::fromOutside)) {
      throw new PodflareException(
          ErrorCode.INVALID_CONFIG,
          "only http, mcp, sdks, undo and contexts can be measured at --url");
    }
    return wanted;
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

  private void show(BenchReport report) {
    PrintWriter out = spec.commandLine().getOut();
    if ("-".equals(json)) {
      report.printJson(out);
      return;
    }
    report.print(out);
    if (json != null) {
      report.write(Path.of(json));
    }
  }
}
