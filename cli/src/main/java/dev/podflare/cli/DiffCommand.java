package dev.podflare.cli;

import dev.podflare.client.FileDiff;
import dev.podflare.client.FileDiff.FileChange;
import dev.podflare.client.Podflare;
import java.io.PrintWriter;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Compares the files of two sandboxes. */
@Command(
    name = "diff",
    description = {
      "Tell what another sandbox's files have that this one's have not:",
      "A added, D removed, M modified."
    })
final class DiffCommand implements Runnable {
  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @Parameters(index = "0", paramLabel = "ID", description = "Sandbox that is compared with")
  private String id;

  @Parameters(index = "1", paramLabel = "OTHER", description = "Sandbox whose changes are told")
  private String other;

  @Parameters(
      index = "2..*",
      paramLabel = "PATH",
      description = "Folders or files; else /root and /tmp")
  private List<String> paths = List.of();

  @Option(
      names = {"-p", "--patch"},
      description = "Print patches of text files")
  private boolean patch;

  @Option(names = "--json", description = "Print JSON")
  private boolean json;

  @Override
  public void run() {
    try (Podflare podflare = server.connect()) {
      FileDiff diff = podflare.sandbox(id).diff(podflare.sandbox(other), paths, patch);
      PrintWriter out = spec.commandLine().getOut();
      if (json) {
        Output.json(out, diff);
        return;
      }
      print(out, "A", diff.added());
      print(out, "D", diff.removed());
      print(out, "M", diff.modified());
      out.flush();
    }
  }

  private static void print(PrintWriter out, String letter, List<FileChange> changes) {
    for (FileChange change : changes) {
      boolean folder = change.type().equals("directory");
      out.println(letter + " " + PlainText.of(change.path()) + (folder ? "/" : ""));
      change.patch().ifPresent(patch -> out.print(PlainText.of(patch)));
    }
  }
}
