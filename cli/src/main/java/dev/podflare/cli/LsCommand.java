package dev.podflare.cli;

import dev.podflare.client.ListFilter;
import dev.podflare.client.Podflare;
import dev.podflare.client.SandboxInfo;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
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

  /** States in which a lifetime stands still. */
  private static final Set<String> STANDING = Set.of("paused", "frozen");

  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @Option(
      names = "--state",
      paramLabel = "STATE",
      description = "Only those in this state: ready, paused or frozen")
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
      Output.list(
          spec.commandLine().getOut(), json, sandboxes, () -> table(sandboxes, Instant.now()));
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
          Durations.between(it.createdAt(), now),
          Durations.until(it.expiresAt().filter(at -> !STANDING.contains(it.state())), now),
          (it.ownMemoryBytes() >> 20) + " MiB");
    }
    return table;
  }
}
