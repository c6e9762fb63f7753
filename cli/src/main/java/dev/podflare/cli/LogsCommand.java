package dev.podflare.cli;

import dev.podflare.client.Podflare;
import dev.podflare.client.ProcessListener;
import dev.podflare.client.SandboxProcess;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Prints what a process has said. */
@Command(
    name = "logs",
    description = {
      "Print what a process of a sandbox has said, as far as it is kept.",
      "Its standard error goes to standard error."
    })
final class LogsCommand implements Runnable {
  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @Parameters(index = "0", paramLabel = "ID", description = "Sandbox")
  private String id;

  @Parameters(index = "1", paramLabel = "PROCESS", description = "Process, by its id or name")
  private String process;

  @Option(
      names = {"-f", "--follow"},
      description = "Also what it says from now on, until it ends")
  private boolean follow;

  @Option(
      names = "--from",
      paramLabel = "N",
      defaultValue = "0",
      description = "Begin with the event of this number")
  private long from;

  @Override
  public void run() {
    PrintWriter err = spec.commandLine().getErr();
    try (Podflare podflare = server.connect()) {
      SandboxProcess found = podflare.sandbox(id).process(process);
      Printer printer = new Printer(spec.commandLine().getOut(), err);
      long ignored = follow ? found.follow(from, printer) : found.log(from, printer);
    }
  }

  private record Printer(PrintWriter out, PrintWriter err) implements ProcessListener {
    @Override
    public void stdout(long seq, byte[] bytes) {
      print(out, bytes);
    }

    @Override
    public void stderr(long seq, byte[] bytes) {
      print(err, bytes);
    }

    private static void print(PrintWriter target, byte[] bytes) {
      target.print(new String(bytes, StandardCharsets.UTF_8));
      target.flush();
    }

    @Override
    public void skipped(long seq, long count) {
      err.println("podflare: " + count + " events before this are not kept any more");
      err.flush();
    }

    @Override
    public void exited(long seq, int code, String reason) {
      if (code != 0 || !reason.equals("exited")) {
        err.println("podflare: the process has ended with " + code + ", " + reason);
        err.flush();
      }
    }
  }
}
