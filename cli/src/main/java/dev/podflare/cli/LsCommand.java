package dev.podflare.cli;

import dev.podflare.client.ListFilter;
import dev.podflare.client.Podflare;
import dev.podflare.client.SandboxInfo;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Lists sandboxes. */
@Command(name = "ls", description = "List sandboxes.")
final class LsCommand implements Runnable {
  private static final int MOST = 10_000;

  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @Option(names = "--state", paramLabel = "STATE", description = "Only those in this state")
  private @Nullable String state;

  @Option(names = "--template", paramLabel = "NAME", description = "Only those of this template")
  private @Nullable String template;

  @Option(
      names = "--metadata",
      paramLabel = "KEY=VALUE",
      description = "Only those that carry this; repeatable")
  private Map<String, String> metadata = Map.of();

  @Option(names = "--json", description = "Print JSON")
  private boolean json;

  @Override
  public void run() {
    ListFilter filter =
        new ListFilter(
            Optional.ofNullable(state),
            Optional.ofNullable(template),
            metadata,
            Optional.empty(),
            Optional.empty());
    try (Podflare podflare = server.connect()) {
      List<SandboxInfo> sandboxes = podflare.listAll(filter, MOST);
      PrintWriter out = spec.commandLine().getOut();
      if (json) {
        Output.json(out, sandboxes);
      } else {
        table(sandboxes, Instant.now()).print(out);
      }
    }
  }

  static Table table(List<SandboxInfo> sandboxes, Instant now) {
    Table table = new Table("ID", "STATE", "TEMPLATE", "SHAPE", "AGE", "ENDS IN", "OWN MEMORY");
    for (SandboxInfo it : sandboxes) {
      table.row(
          it.id(),
          it.state(),
          it.template().orElse("-"),
          it.vcpus() + " cpu, " + it.ramMib() + " MiB",
          it.createdAt().map(at -> text(Duration.between(at, now))).orElse("-"),
          it.expiresAt().map(at -> text(Duration.between(now, at))).orElse("-"),
          (it.ownMemoryBytes() >> 20) + " MiB");
    }
    return table;
  }

  private static String text(Duration duration) {
    long seconds = Math.max(0, duration.toSeconds());
    if (seconds < 120) {
      return seconds + " s";
    }
    return seconds < 7200 ? seconds / 60 + " min" : seconds / 3600 + " h";
  }
}
