package dev.podflare.cli;

import dev.podflare.client.Podflare;
import dev.podflare.client.VolumeInfo;
import dev.podflare.common.DataSize;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Folders that many sandboxes mount. */
@Command(
    name = "volume",
    description = {
      "Folders that many sandboxes mount, and that outlive them.",
      "A sandbox gets one by '--mount VOLUME:PATH' of 'run' and 'shell'."
    },
    synopsisSubcommandLabel = "create|ls|rm",
    subcommands = {VolumeCommand.Create.class, VolumeCommand.Ls.class, VolumeCommand.Rm.class})
final class VolumeCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "create, ls or rm?");
  }

  private static Table table(List<VolumeInfo> volumes, Instant now) {
    Table table = new Table("NAME", "ID", "BYTES", "FILES", "AT MOST", "AGE", "MOUNTED IN");
    for (VolumeInfo it : volumes) {
      table.row(
          PlainText.line(it.name()),
          it.id(),
          it.bytes().map(bytes -> new DataSize(bytes).toString()).orElse("on " + it.node()),
          it.files().map(String::valueOf).orElse("-"),
          new DataSize(it.maxBytes()).toString(),
          Durations.between(it.createdAt(), now),
          String.valueOf(it.mountedIn().size()));
    }
    return table;
  }

  /** Makes one. */
  @Command(name = "create", description = "Make an empty volume.")
  static final class Create implements Runnable {
    @Spec private CommandSpec spec;
    @Mixin private ServerOptions server;

    @Parameters(paramLabel = "NAME", description = "Lower-case letters, digits, '.', '-', '_'")
    private String name = "";

    @Option(names = "--max-mib", paramLabel = "MIB", description = "Most that its files may take")
    private @Nullable Integer maxMebibytes;

    @Option(names = "--json", description = "Print JSON")
    private boolean json;

    @Override
    public void run() {
      try (Podflare podflare = server.connect()) {
        VolumeInfo made = podflare.volumes().create(name, Optional.ofNullable(maxMebibytes));
        if (json) {
          Output.json(spec.commandLine().getOut(), made);
        } else {
          spec.commandLine().getOut().println(made.id());
          spec.commandLine().getOut().flush();
        }
      }
    }
  }

  /** Lists them. */
  @Command(name = "ls", description = "List volumes.")
  static final class Ls implements Runnable {
    @Spec private CommandSpec spec;
    @Mixin private ServerOptions server;

    @Option(names = "--json", description = "Print JSON")
    private boolean json;

    @Override
    public void run() {
      try (Podflare podflare = server.connect()) {
        List<VolumeInfo> volumes = podflare.volumes().list();
        Output.list(
            spec.commandLine().getOut(), json, volumes, () -> table(volumes, Instant.now()));
      }
    }
  }

  /** Goes on after one that cannot be deleted. */
  @Command(name = "rm", description = "Delete volumes and all that is in them.")
  static final class Rm implements Callable<Integer> {
    @Spec private CommandSpec spec;
    @Mixin private ServerOptions server;

    @Option(
        names = {"-f", "--force"},
        description = "Also while sandboxes have them mounted, which lose them then")
    private boolean force;

    @Parameters(paramLabel = "VOLUME", arity = "1..*", description = "Names or ids")
    private List<String> which = List.of();

    @Override
    public Integer call() {
      try (Podflare podflare = server.connect()) {
        return Deletions.each(
            spec,
            which,
            it -> {
              podflare.volumes().get(it); // to the server one that is not there is no error
              if (force) {
                podflare.volumes().deleteByForce(it);
              } else {
                podflare.volumes().delete(it);
              }
            });
      }
    }
  }
}
