package dev.podflare.cli;

import dev.podflare.client.Podflare;
import dev.podflare.client.SandboxFiles;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Makes a folder in one place the same as one in the other, by what differs. */
@Command(
    name = "sync",
    description = {
      "Make a folder the same as another, in a sandbox or on this machine; only what differs in",
      "type, size, time of change or permissions is copied, for example:",
      "  podflare sync project sbx_…:/root/project --exclude .git",
      "  podflare sync sbx_…:/root/project project --delete"
    })
final class SyncCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @Parameters(index = "0", paramLabel = "SRC", description = "Folder, or SANDBOX:FOLDER")
  private String source;

  @Parameters(
      index = "1",
      paramLabel = "DST",
      description = "Folder, or SANDBOX:FOLDER, that is made the same as SRC")
  private String target;

  @Option(names = "--delete", description = "Remove from DST what SRC has not")
  private boolean deleting;

  @Option(
      names = "--exclude",
      paramLabel = "PATTERN",
      description = "Leave alone, on both sides, what has such a name or path; repeatable")
  private List<String> excluded = List.of();

  @Option(
      names = {"-n", "--dry-run"},
      description = "Only say what would be done")
  private boolean dry;

  @Option(names = "--json", description = "Print JSON")
  private boolean json;

  @Option(
      names = {"-q", "--quiet"},
      description = "Do not tell how far it is")
  private boolean quiet;

  /**
   * What is printed.
   *
   * @param copied paths from the folder on, as are all here
   * @param bytes of the copied files
   * @param same how many entries were the same already
   * @param skipped devices, pipes, sockets, and names that are no UTF-8
   */
  record Report(
      List<String> copied, List<String> removed, List<String> skipped, int same, long bytes) {}

  @Override
  public Integer call() throws IOException {
    Optional<GuestPath> from = GuestPath.parse(source);
    Optional<GuestPath> to = GuestPath.parse(target);
    if (from.isPresent() == to.isPresent()) {
      throw GuestPath.wrong(
          "one of both must be SANDBOX:FOLDER, and the other a folder of this machine");
    }
    SyncFilter filter = new SyncFilter(excluded);
    try (Podflare podflare = server.connect()) {
      Report report;
      if (to.isPresent()) {
        GuestPath guest = to.get();
        report = up(filter, podflare.sandbox(guest.sandbox()).files(), folder(guest));
      } else {
        GuestPath guest = from.orElseThrow();
        report = down(filter, podflare.sandbox(guest.sandbox()).files(), folder(guest));
      }
      print(report);
      return report.skipped().isEmpty() ? 0 : 1;
    }
  }

  /** The guest's folder, without a slash behind it. */
  private static String folder(GuestPath guest) {
    return guest.path().replaceFirst("/+$", "");
  }

  private Report up(SyncFilter filter, SandboxFiles files, String folder) throws IOException {
    Path local = Path.of(source);
    if (!Files.isDirectory(local)) {
      throw GuestPath.wrong("there is no folder " + local);
    }
    SyncTree here = SyncTree.of(local.toRealPath(), filter);
    SyncPlan plan = SyncPlan.of(here, SyncTree.of(files, folder, filter), deleting);
    if (!dry) {
      try (CopyProgress progress = progress()) {
        SyncUp.run(plan, local.toRealPath(), files, folder, progress);
      }
    }
    return report(plan, here);
  }

  private Report down(SyncFilter filter, SandboxFiles files, String folder) throws IOException {
    if (!files.stat(folder + "/.").isDirectory()) {
      throw GuestPath.wrong("there is no folder " + source);
    }
    SyncTree there = SyncTree.of(files, folder, filter);
    Path local = Path.of(target);
    if (!dry) {
      Files.createDirectories(local);
    }
    Path place = Files.isDirectory(local) ? local.toRealPath() : local;
    SyncPlan plan = SyncPlan.of(there, SyncTree.of(place, filter), deleting);
    if (!dry) {
      try (CopyProgress progress = progress()) {
        new SyncDown(files, folder, place, progress).run(plan);
      }
    }
    return report(plan, there);
  }

  private static Report report(SyncPlan plan, SyncTree from) {
    return new Report(
        List.copyOf(plan.copied().keySet()),
        plan.removed(),
        from.skipped(),
        plan.same(),
        plan.bytes());
  }

  /** The archive's own bytes are counted with the files', so there is no telling how many come. */
  private CopyProgress progress() {
    return new CopyProgress(
        quiet ? Optional.empty() : Optional.of(spec.commandLine().getErr()), -1);
  }

  private void print(Report report) {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      Output.json(out, report);
      return;
    }
    if (dry) {
      report.removed().forEach(it -> out.println("remove " + PlainText.of(it)));
      report.copied().forEach(it -> out.println("copy   " + PlainText.of(it)));
    }
    report.skipped().forEach(it -> out.println("skip   " + PlainText.of(it)));
    out.printf(
        "%d copied (%d bytes), %d removed, %d the same%n",
        report.copied().size(), report.bytes(), report.removed().size(), report.same());
    out.flush();
  }
}
