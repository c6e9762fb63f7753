package dev.podflare.cli;

import dev.podflare.client.OpenPort;
import dev.podflare.client.Podflare;
import dev.podflare.client.ProcessOptions;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxProcess;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Starts a process that runs on. */
@Command(
    name = "start",
    description = {
      "Start a program in a sandbox, which runs on; prints its id.",
      "'ps' lists what was started, 'logs' prints what it says, 'kill' ends it."
    })
final class StartCommand implements Runnable {
  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;

  @Parameters(index = "0", paramLabel = "ID", description = "Sandbox")
  private String id;

  @Parameters(
      index = "1..*",
      arity = "1..*",
      paramLabel = "WORD",
      description = "Program and arguments, best after '--'; a single one is for bash")
  private List<String> words = List.of();

  @Option(names = "--name", paramLabel = "NAME", description = "By which it can be asked for")
  private @Nullable String name;

  @Option(names = "--cwd", paramLabel = "DIR", description = "Folder in the guest")
  private @Nullable String cwd;

  @Option(
      names = {"-e", "--env"},
      paramLabel = "KEY=VALUE",
      description = "Environment variable; repeatable")
  private Map<String, String> env = Map.of();

  @Option(
      names = "--wait-port",
      paramLabel = "PORT",
      description = "Wait until it listens on this port, at most a minute")
  private @Nullable Integer port;

  @Override
  public void run() {
    PrintWriter out = spec.commandLine().getOut();
    try (Podflare podflare = server.connect()) {
      Sandbox sandbox = podflare.sandbox(id);
      SandboxProcess process = sandbox.startProcess(options());
      out.println(process.id());
      out.flush();
      if (port != null) {
        OpenPort open = sandbox.awaitPort(port, Duration.ofMinutes(1), Optional.of(process.id()));
        if (!open.reachable()) {
          PrintWriter err = spec.commandLine().getErr();
          err.println("podflare: it listens on loopback only; let it listen on 0.0.0.0");
          err.flush();
        }
      }
    }
  }

  private ProcessOptions options() {
    ProcessOptions options =
        words.size() == 1
            ? ProcessOptions.command(words.getFirst())
            : ProcessOptions.of(words.toArray(String[]::new));
    options = options.withEnv(env);
    options = name == null ? options : options.withName(name);
    return cwd == null ? options : options.withCwd(cwd);
  }
}
