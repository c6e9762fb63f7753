package dev.podflare.cli;

import dev.podflare.client.GuestProcessInfo;
import dev.podflare.client.GuestProcesses;
import dev.podflare.client.Podflare;
import dev.podflare.client.ProcessInfo;
import dev.podflare.client.Sandbox;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Lists processes of a sandbox. */
@Command(
    name = "ps",
    description = "List the processes that were started in a sandbox, or all that run there.")
final class PsCommand implements Runnable {
  private static final int WIDEST = 80;

  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @Parameters(paramLabel = "ID", description = "Sandbox")
  private String id;

  @Option(
      names = {"-a", "--all"},
      description = "All processes of the guest, as its kernel tells them")
  private boolean all;

  @Option(names = "--json", description = "Print JSON")
  private boolean json;

  @Override
  public void run() {
    try (Podflare podflare = server.connect()) {
      Sandbox sandbox = podflare.sandbox(id);
      if (all) {
        GuestProcesses guest = sandbox.guestProcesses();
        Output.list(spec.commandLine().getOut(), json, guest, () -> table(guest));
      } else {
        List<ProcessInfo> started = sandbox.processes();
        Output.list(
            spec.commandLine().getOut(), json, started, () -> table(started, Instant.now()));
      }
    }
  }

  private static Table table(List<ProcessInfo> processes, Instant now) {
    Table table = new Table("PROCESS", "NAME", "PID", "STATE", "AGE", "COMMAND");
    for (ProcessInfo it : processes) {
      table.row(
          it.processId(),
          it.name().orElse("-"),
          Integer.toString(it.pid()),
          state(it),
          Durations.between(Optional.of(it.startedAt()), now),
          command(it.command()));
    }
    return table;
  }

  private static String state(ProcessInfo it) {
    String why = it.reason().filter(reason -> !reason.equals("exited")).map(" "::concat).orElse("");
    return it.exitCode().map(code -> "ended " + code + why).orElse(it.state());
  }

  private static Table table(GuestProcesses guest) {
    Table table = new Table("PID", "PPID", "UID", "S", "CPU", "MEMORY", "PROCESS", "COMMAND");
    for (GuestProcessInfo it : guest.guest()) {
      table.row(
          Long.toString(it.pid()),
          Long.toString(it.ppid()),
          Long.toString(it.uid()),
          PlainText.line(it.state()),
          String.format(Locale.ROOT, "%.1f s", it.cpuMs() / 1000.0),
          (it.residentBytes() >> 20) + " MiB",
          it.processId().orElse("-"),
          command(it.command()));
    }
    return table;
  }

  private static String command(String text) {
    String line = PlainText.line(text);
    return line.length() <= WIDEST ? line : line.substring(0, WIDEST - 1) + "…";
  }
}
