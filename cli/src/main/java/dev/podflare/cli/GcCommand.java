package dev.podflare.cli;

import dev.podflare.client.CleaningReport;
import dev.podflare.client.Podflare;
import dev.podflare.common.DataSize;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Cleans the checkpoint store now. */
@Command(
    name = "gc",
    description = {
      "Remove from the checkpoint store what no Space and no snapshot needs.",
      "The server does it by itself every hour. Needs an admin key."
    })
final class GcCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @Option(names = "--json", description = "Print JSON")
  private boolean json;

  @Override
  public Integer call() {
    try (Podflare podflare = server.connect()) {
      CleaningReport report = podflare.cleanStore();
      PrintWriter out = spec.commandLine().getOut();
      if (json) {
        Output.json(out, report);
      } else {
        out.printf(
            "%d checkpoints and %d chunks removed, %s freed%n",
            report.checkpoints(), report.chunks(), new DataSize(report.freedBytes()));
        report.problems().forEach(problem -> out.println(PlainText.line(problem)));
      }
      return report.problems().isEmpty() ? 0 : 1;
    }
  }
}
