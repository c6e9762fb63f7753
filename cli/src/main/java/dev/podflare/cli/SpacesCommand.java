package dev.podflare.cli;

import dev.podflare.client.Podflare;
import dev.podflare.client.SpaceInfo;
import dev.podflare.common.DataSize;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Lists Spaces, and deletes them. */
@Command(
    name = "spaces",
    description = "List Spaces, which are frozen sandboxes; 'rm' deletes them.",
    synopsisSubcommandLabel = "[rm]",
    subcommands = SpacesCommand.Rm.class)
final class SpacesCommand implements Runnable {
  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @Option(names = "--json", description = "Print JSON")
  private boolean json;

  @Override
  public void run() {
    try (Podflare podflare = server.connect()) {
      List<SpaceInfo> spaces = podflare.spaces().list();
      Output.list(spec.commandLine().getOut(), json, spaces, () -> table(spaces, Instant.now()));
    }
  }

  private static Table table(List<SpaceInfo> spaces, Instant now) {
    Table table = new Table("ID", "SANDBOX", "TEMPLATE", "SHAPE", "AGE", "OWN", "STORED");
    for (SpaceInfo it : spaces) {
      table.row(
          it.id(),
          it.sandboxId(),
          it.template().orElse("-"),
          it.vcpus() + " cpu, " + it.ramMib() + " MiB",
          Durations.between(it.createdAt(), now),
          new DataSize(it.ownBytes()).toString(),
          new DataSize(it.storedBytes()).toString());
    }
    return table;
  }

  /** Goes on after one that cannot be deleted. */
  @Command(name = "rm", description = "Delete Spaces and the sandboxes that are frozen in them.")
  static final class Rm implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private ServerOptions server;

    @Parameters(paramLabel = "SPACE", arity = "1..*", description = "Spaces to delete")
    private List<String> ids = List.of();

    @Override
    public Integer call() {
      try (Podflare podflare = server.connect()) {
        return Deletions.each(spec, ids, podflare.spaces()::delete);
      }
    }
  }
}
