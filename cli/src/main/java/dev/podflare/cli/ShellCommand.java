package dev.podflare.cli;

import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import dev.podflare.client.Terminal;
import dev.podflare.client.TerminalOptions;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** A terminal of one sandbox, or a line-wise prompt where there is no terminal. */
@Command(
    name = "shell",
    description = {
      "A terminal in a sandbox: a login shell, or the COMMAND. Enter, then ~. leaves it, and it runs",
      "on; join it again with --terminal. Where standard input is no terminal, and with --lines,",
      "lines are run one after another: Python, or bash after '!'. There a line that ends with ':'",
      "opens a block, an empty line runs it; Ctrl-C cancels, Ctrl-D ends."
    })
final class ShellCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;
  @Mixin private SandboxChoice choice;

  @Option(
      names = "--terminal",
      paramLabel = "ID",
      description = "Join this terminal of the sandbox that --sandbox names")
  @Nullable String terminal;

  @Option(names = "--lines", description = "Run line by line, also at a terminal")
  boolean lines;

  @Parameters(
      paramLabel = "COMMAND",
      arity = "0..*",
      description = "Program and arguments instead of a login shell; after --")
  List<String> command = List.of();

  @Override
  public Integer call() throws InterruptedException {
    if (terminal != null && choice.id == null) {
      throw new picocli.CommandLine.ParameterException(
          spec.commandLine(), "--terminal needs the --sandbox that it is in");
    }
    return lines || !Interaction.onTerminal() ? byLines() : onTerminal();
  }

  private int byLines() {
    try (Cancellation cancellation = new Cancellation();
        Podflare podflare = server.connect();
        SandboxChoice.Chosen chosen = choice.open(podflare)) {
      say(introduction(chosen));
      new LineShell(this::say).run(chosen.sandbox(), cancellation);
      return 0;
    }
  }

  private static String introduction(SandboxChoice.Chosen chosen) {
    return "sandbox " + chosen.sandbox().id() + (chosen.ours() ? ", deleted at the end" : "");
  }

  private int onTerminal() throws InterruptedException {
    try (Podflare podflare = server.connect()) {
      SandboxChoice.Chosen chosen = choice.open(podflare);
      boolean kept = false;
      try {
        say(introduction(chosen) + "; Enter, then ~. leaves the terminal");
        TerminalSession.Ending ending = session(chosen.sandbox());
        kept = ending instanceof TerminalSession.Ending.Left;
        return ended(ending);
      } finally {
        if (!kept) {
          chosen.close();
        }
      }
    }
  }

  private TerminalSession.Ending session(Sandbox sandbox) throws InterruptedException {
    try (RawTerminal local = new RawTerminal()) {
      Terminal remote =
          terminal != null ? sandbox.terminal(terminal) : sandbox.openTerminal(options(local));
      TerminalSession.Ending ending = new TerminalSession(local, remote).run();
      if (ending instanceof TerminalSession.Ending.Left) {
        local.say(
            "it runs on; join it again with: podflare shell --sandbox "
                + sandbox.id()
                + " --terminal "
                + remote.id());
      }
      return ending;
    }
  }

  /** Colours and keys are those of the terminal that it is shown in, where guests know that. */
  private TerminalOptions options(RawTerminal local) {
    TerminalOptions options = TerminalOptions.shell().withSize(local.cols(), local.rows());
    String type = System.getenv("TERM");
    if (type != null && type.matches("(xterm|screen|tmux|rxvt|linux|vt[0-9]+)(-[a-z0-9]+)?")) {
      options = options.withEnv(Map.of("TERM", type));
    }
    return options.withArgv(command);
  }

  private int ended(TerminalSession.Ending ending) {
    return switch (ending) {
      case TerminalSession.Ending.Exited(int code) -> code;
      case TerminalSession.Ending.Left() -> 0;
      case TerminalSession.Ending.Lost(String why) -> {
        say(why);
        yield 1;
      }
    };
  }

  private void say(String message) {
    spec.commandLine().getErr().println("podflare: " + message);
    spec.commandLine().getErr().flush();
  }
}
