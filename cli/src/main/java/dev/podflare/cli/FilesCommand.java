package dev.podflare.cli;

import dev.podflare.client.FileEntry;
import dev.podflare.client.Podflare;
import dev.podflare.client.SandboxFiles;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Lists a folder of a sandbox. */
@Command(name = "files", description = "List a folder of a sandbox, or look at a file.")
final class FilesCommand implements Runnable {
  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @Parameters(paramLabel = "SANDBOX[:PATH]", description = "Folder or file; else /root")
  private String place;

  @Option(names = "--json", description = "Print JSON")
  private boolean json;

  @Override
  public void run() {
    GuestPath path = GuestPath.require(place.indexOf(':') < 0 ? place + ":" : place);
    try (Podflare podflare = server.connect()) {
      SandboxFiles files = podflare.sandbox(path.sandbox()).files();
      FileEntry entry = files.stat(path.path());
      List<FileEntry> entries =
          entry.type().equals("file") || entry.type().equals("other")
              ? List.of(entry)
              : files.list(path.path());
      Output.list(spec.commandLine().getOut(), json, entries, () -> table(entries));
    }
  }

  private static Table table(List<FileEntry> entries) {
    Table table = new Table("MODE", "OWNER", "SIZE", "CHANGED", "NAME");
    for (FileEntry entry : entries) {
      String kind = entry.isDirectory() ? "/" : "";
      String target = entry.target().map(it -> " -> " + PlainText.of(it)).orElse("");
      table.row(
          entry.mode(),
          entry.owner().isEmpty() ? Long.toString(entry.uid()) : PlainText.of(entry.owner()),
          Long.toString(entry.size()),
          entry.mtime().toString().substring(0, 19).replace('T', ' '),
          PlainText.of(entry.name()) + kind + target);
    }
    return table;
  }
}
