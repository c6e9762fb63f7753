package dev.podflare.cli;

import dev.podflare.qemu.HypervisorConfig;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Builds and lists templates on this machine. */
@Command(
    name = "template",
    description = "Build and list templates.",
    synopsisSubcommandLabel = "(build | ls)",
    subcommands = {TemplateCommand.Build.class, TemplateCommand.Ls.class})
final class TemplateCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Which one: build or ls?");
  }

  /** The data folder that has the templates. */
  static final class Folder {
    @Option(names = "--data", paramLabel = "DIR", description = "Data folder of the daemon")
    @Nullable Path data;

    @Option(
        names = "--templates",
        paramLabel = "DIR",
        description = "Folder of built templates; else templates in the data folder")
    @Nullable Path templates;

    Path path() {
      return (data == null ? DataFolder.standard() : data).toAbsolutePath().normalize();
    }

    Path templates() {
      return templates == null
          ? path().resolve("templates")
          : templates.toAbsolutePath().normalize();
    }
  }

  @Command(
      name = "build",
      description = "Build a template, unless nothing that goes into it has changed.")
  static final class Build implements Runnable {
    @Spec private CommandSpec spec;
    @Mixin private Folder folder;

    @Parameters(
        paramLabel = "NAME|FILE",
        description = "Name of a built-in recipe, or a recipe file")
    private String what;

    @Option(names = "--refresh", description = "Build even if nothing changed, with fresh packages")
    private boolean refresh;

    @Option(names = "--json", description = "Print JSON")
    private boolean json;

    @Override
    public void run() {
      StepPrinter progress = StepPrinter.on(spec.commandLine().getErr());
      TemplateWiring.Template built =
          TemplateWiring.build(
              folder.templates(), HypervisorConfig.Choice.AUTO, what, refresh, progress);
      show(spec.commandLine().getOut(), List.of(built), json);
    }
  }

  @Command(name = "ls", description = "List built templates.")
  static final class Ls implements Runnable {
    @Spec private CommandSpec spec;
    @Mixin private Folder folder;

    @Option(names = "--json", description = "Print JSON")
    private boolean json;

    @Override
    public void run() {
      show(spec.commandLine().getOut(), TemplateWiring.list(folder.templates()), json);
    }
  }

  static void show(PrintWriter out, List<TemplateWiring.Template> templates, boolean json) {
    if (json) {
      Output.json(out, templates);
      return;
    }
    Table table = new Table("NAME", "DIGEST", "SHAPE", "DISK", "BUILT");
    for (TemplateWiring.Template it : templates) {
      table.row(
          it.name(),
          it.digest(),
          it.vcpus() + " cpu, " + it.ramMib() + " MiB",
          (it.diskBytes() >> 20) + " MiB",
          it.builtAt().toString());
    }
    table.print(out);
  }
}
