package dev.podflare.cli;

import dev.podflare.client.ApiException;
import dev.podflare.client.Language;
import dev.podflare.client.Podflare;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** A line-wise prompt on one sandbox. */
@Command(
    name = "shell",
    description = {
      "Talk to a sandbox line by line: Python, or bash after '!'.",
      "A line that ends with ':' opens a block, an empty line runs it; brackets and triple quotes",
      "go on over lines. Ctrl-C cancels, Ctrl-D ends."
    })
final class ShellCommand implements Callable<Integer> {
  private static final Set<String> GOODBYES = Set.of("exit", "quit", "exit()", "quit()");

  @Spec private CommandSpec spec;
  @Mixin private ServerOptions server;
  @Mixin private SandboxChoice choice;

  private final Blocks blocks = new Blocks();

  @Override
  public Integer call() {
    try (Cancellation cancellation = new Cancellation();
        Podflare podflare = server.connect();
        SandboxChoice.Chosen chosen = choice.open(podflare);
        Prompt prompt = Prompt.open()) {
      prompt.onInterrupt(cancellation::cancel);
      say("sandbox " + chosen.sandbox().id() + (chosen.ours() ? ", deleted at the end" : ""));
      if (prompt.interactive()) {
        say("Python, or bash after '!'; Ctrl-C cancels, Ctrl-D ends");
      }
      loop(prompt, chosen.sandbox(), cancellation);
      return 0;
    }
  }

  private void loop(Prompt prompt, Sandbox sandbox, Cancellation cancellation) {
    while (true) {
      switch (prompt.next(blocks.isOpen() ? "... " : ">>> ")) {
        case Prompt.Input.Line(String line) -> {
          if (!blocks.isOpen() && GOODBYES.contains(line.strip())) {
            return;
          }
          if (!handle(line, sandbox, cancellation)) {
            return;
          }
        }
        case Prompt.Input.Interrupt() -> blocks.take();
        case Prompt.Input.End() -> {
          blocks.take().ifPresent(code -> run(code, Language.PYTHON, sandbox, cancellation));
          return;
        }
      }
    }
  }

  /** Returns whether there is still a sandbox to talk to. */
  private boolean handle(String line, Sandbox sandbox, Cancellation cancellation) {
    if (!blocks.isOpen() && line.startsWith("!")) {
      return run(line.substring(1), Language.BASH, sandbox, cancellation);
    }
    return blocks
        .add(line)
        .map(code -> run(code, Language.PYTHON, sandbox, cancellation))
        .orElse(true);
  }

  private boolean run(String code, Language language, Sandbox sandbox, Cancellation cancellation) {
    try {
      RunResult result =
          sandbox.run(
              RunRequest.of(code, language).withCancelOnDisconnect(),
              new Streams(cancellation, sandbox, true, true));
      sayHowItEnded(result, language);
      return true;
    } catch (ApiException refused) {
      say(Failures.text(refused));
      return refused.status() != 404 && refused.status() != 410;
    } finally {
      cancellation.ended();
    }
  }

  /** Python's traceback says it all, unless the end came from outside. */
  private void sayHowItEnded(RunResult result, Language language) {
    if (!result.reason().equals("exited")) {
      say("exit code " + result.exitCode() + ", " + result.reason());
    } else if (result.exitCode() != 0 && language == Language.BASH) {
      say("exit code " + result.exitCode());
    }
  }

  private void say(String message) {
    spec.commandLine().getErr().println("podflare: " + message);
    spec.commandLine().getErr().flush();
  }
}
