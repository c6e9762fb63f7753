package dev.podflare.cli;

import dev.podflare.client.Podflare;
import dev.podflare.client.SpaceInfo;
import java.io.PrintWriter;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Freezes a sandbox into a Space. */
@Command(
    name = "freeze",
    description = {
      "Freeze a sandbox into a Space; prints the id of the Space.",
      "Its machine ends, and disk is all that it takes. 'resume' lets it go on under its id."
    })
final class FreezeCommand implements Runnable {
  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @Parameters(paramLabel = "ID", description = "Sandbox")
  private String id;

  @Option(names = "--json", description = "Print JSON")
  private boolean json;

  @Override
  public void run() {
    try (Podflare podflare = server.connect()) {
      SpaceInfo space = podflare.sandbox(id).freeze();
      PrintWriter out = spec.commandLine().getOut();
      if (json) {
        Output.json(out, space);
      } else {
        out.println(space.id());
        out.flush();
      }
    }
  }
}
