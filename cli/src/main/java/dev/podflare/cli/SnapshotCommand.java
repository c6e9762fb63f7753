package dev.podflare.cli;

import dev.podflare.client.Podflare;
import dev.podflare.client.SnapshotInfo;
import dev.podflare.client.SnapshotOptions;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Takes a snapshot. */
@Command(
    name = "snapshot",
    description = {
      "Take a snapshot of a sandbox, which goes on; prints the id of the snapshot.",
      "'rollback' takes a sandbox back to it; 'run' and 'shell' start from it with --snapshot."
    })
final class SnapshotCommand implements Runnable {
  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @Parameters(paramLabel = "ID", description = "Sandbox")
  private String id;

  @Option(names = "--name", paramLabel = "NAME", description = "By which it can be asked for")
  private @Nullable String name;

  @Option(
      names = "--expires",
      paramLabel = "TIME",
      converter = Durations.class,
      description = "Remove it after this time, for example 12h or 7d; else it stays")
  private @Nullable Duration expires;

  @Option(names = "--json", description = "Print JSON")
  private boolean json;

  @Override
  public void run() {
    SnapshotOptions options =
        new SnapshotOptions(Optional.ofNullable(name), Optional.ofNullable(expires));
    try (Podflare podflare = server.connect()) {
      SnapshotInfo snapshot = podflare.sandbox(id).snapshot(options);
      PrintWriter out = spec.commandLine().getOut();
      if (json) {
        Output.json(out, snapshot);
      } else {
        out.println(snapshot.id());
        out.flush();
      }
    }
  }
}
