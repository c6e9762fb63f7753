package dev.podflare.cli;

import dev.podflare.client.Podflare;
import dev.podflare.client.SnapshotInfo;
import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Lists snapshots, and deletes them. */
@Command(
    name = "snapshots",
    description = "List snapshots; 'rm' deletes them.",
    synopsisSubcommandLabel = "[rm]",
    subcommands = SnapshotsCommand.Rm.class)
final class SnapshotsCommand implements Runnable {
  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @Option(names = "--json", description = "Print JSON")
  private boolean json;

  @Override
  public void run() {
    try (Podflare podflare = server.connect()) {
      List<SnapshotInfo> snapshots = podflare.snapshots().list();
      Output.list(
          spec.commandLine().getOut(), json, snapshots, () -> table(snapshots, Instant.now()));
    }
  }

  private static Table table(List<SnapshotInfo> snapshots, Instant now) {
    Table table =
        new Table("ID", "NAME", "SANDBOX", "TEMPLATE", "SHAPE", "AGE", "ENDS IN", "OWN", "STORED");
    for (SnapshotInfo it : snapshots) {
      table.row(
          it.id(),
          it.name().map(PlainText::line).orElse("-"),
          it.sandboxId(),
          it.template().orElse("-"),
          it.vcpus() + " cpu, " + it.ramMib() + " MiB",
          Durations.between(it.createdAt(), now),
          Durations.until(it.expiresAt(), now),
          new DataSize(it.ownBytes()).toString(),
          new DataSize(it.storedBytes()).toString());
    }
    return table;
  }

  /** Goes on after one that cannot be deleted. */
  @Command(name = "rm", description = "Delete snapshots; sandboxes made of them live on.")
  static final class Rm implements Callable<Integer> {
    private static final String ID = "snp_";

    @Spec private CommandSpec spec;
    @Mixin private ServerOptions server;

    @Parameters(paramLabel = "SNAPSHOT", arity = "1..*", description = "Ids or names")
    private List<String> which = List.of();

    @Override
    public Integer call() {
      try (Podflare podflare = server.connect()) {
        return Deletions.each(spec, which, it -> podflare.snapshots().delete(idOf(podflare, it)));
      }
    }

    /** To the server one that is not there is no error, and a name means the caller's own. */
    private static String idOf(Podflare podflare, String idOrName) {
      if (idOrName.startsWith(ID)) {
        return idOrName;
      }
      List<String> named =
          podflare.snapshots().list().stream()
              .filter(it -> it.name().filter(idOrName::equals).isPresent())
              .map(SnapshotInfo::id)
              .toList();
      return switch (named.size()) {
        case 0 ->
            throw new PodflareException(
                ErrorCode.SNAPSHOT_NOT_FOUND, "there is no snapshot of that name");
        case 1 -> named.getFirst();
        default ->
            throw CodeSource.refused(
                "several keys have a snapshot of that name; give one of the ids " + named);
      };
    }
  }
}
