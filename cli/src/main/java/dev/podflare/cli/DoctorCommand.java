package dev.podflare.cli;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Reports whether this host can run the daemon, and what to do about what is missing. */
@Command(
    name = "doctor",
    description = "Check this host; changes nothing. Exit code 2 if something must be mended.")
final class DoctorCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private TemplateCommand.Folder folder;

  @Option(names = "--json", description = "Print JSON")
  private boolean json;

  @Override
  public Integer call() {
    boolean superuser = "root".equals(System.getProperty("user.name"));
    List<HostCheck> checks =
        new ArrayList<>(new HostChecks(Path.of("/"), folder.path(), superuser).all());
    checks.add(AcceleratorWiring.probe());
    checks.addAll(NetworkSettings.checks());
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      Output.json(out, checks);
    } else {
      table(checks).print(out);
    }
    return exitCode(checks);
  }

  static int exitCode(List<HostCheck> checks) {
    return checks.stream().anyMatch(it -> it.verdict() == HostCheck.Verdict.BAD)
        ? Failures.MENDABLE
        : 0;
  }

  static Table table(List<HostCheck> checks) {
    Table table = new Table("CHECK", "VERDICT", "FOUND", "ADVICE");
    for (HostCheck it : checks) {
      table.row(it.name(), it.verdict().name().toLowerCase(Locale.ROOT), it.found(), it.advice());
    }
    return table;
  }
}
