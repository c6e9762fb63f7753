package dev.podflare.cli;

import dev.podflare.client.Podflare;
import dev.podflare.client.ResumeOptions;
import dev.podflare.client.Sandbox;
import java.io.PrintWriter;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Lets a paused or frozen sandbox go on, or a Space as a new one. */
@Command(
    name = "resume",
    description = {
      "Let a paused or frozen sandbox go on; prints its id.",
      "Of a Space a new sandbox is made, and the Space is used up."
    })
final class ResumeCommand implements Runnable {
  private static final String SPACE = "spc_";

  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @Parameters(paramLabel = "ID|SPACE", description = "Sandbox, or Space")
  private String id;

  @Option(names = "--keep", description = "Leave the Space, to be resumed again")
  private boolean keep;

  @Option(names = "--json", description = "Print JSON")
  private boolean json;

  @Override
  public void run() {
    if (keep && !id.startsWith(SPACE)) {
      throw CodeSource.refused("--keep is for a Space; " + id + " is none");
    }
    try (Podflare podflare = server.connect()) {
      if (id.startsWith(SPACE)) {
        ResumeOptions options = ResumeOptions.AS_IT_WAS.withKeep(keep);
        Sandbox made = podflare.spaces().resume(id, options); // not closed: that would delete it
        print(made.id(), made.created().orElseThrow());
      } else {
        print(id, podflare.sandbox(id).resume());
      }
    }
  }

  private void print(String resumed, Object answer) {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      Output.json(out, answer);
    } else {
      out.println(resumed);
      out.flush();
    }
  }
}
