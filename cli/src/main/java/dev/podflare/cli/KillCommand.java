package dev.podflare.cli;

import dev.podflare.client.Podflare;
import dev.podflare.client.SandboxProcess;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Ends a process, or sends it a signal. */
@Command(
    name = "kill",
    description = "End a process of a sandbox: SIGTERM, and after 5 seconds SIGKILL to all of it.")
final class KillCommand implements Runnable {
  @Mixin private ServerOptions server;

  @Parameters(index = "0", paramLabel = "ID", description = "Sandbox")
  private String id;

  @Parameters(index = "1", paramLabel = "PROCESS", description = "Process, by its id or name")
  private String process;

  @Option(
      names = {"-s", "--signal"},
      paramLabel = "NAME",
      description = "Send this signal instead, and nothing after it: HUP, INT, USR1, …")
  private @Nullable String signal;

  @Override
  public void run() {
    try (Podflare podflare = server.connect()) {
      SandboxProcess found = podflare.sandbox(id).process(process);
      if (signal == null) {
        found.end();
      } else {
        found.signal(signal);
      }
    }
  }
}
