package dev.podflare.cli;

import dev.podflare.client.ApiException;
import dev.podflare.client.Language;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import java.util.Set;
import java.util.function.Consumer;

/** A prompt for one line after another: Python, or bash after an exclamation mark. One thread. */
final class LineShell {
  private static final Set<String> GOODBYES = Set.of("exit", "quit", "exit()", "quit()");

  private final Consumer<String> say;
  private final Blocks blocks = new Blocks();

  LineShell(Consumer<String> say) {
    this.say = say;
  }

  /** To the end of the input. */
  void run(Sandbox sandbox, Cancellation cancellation) {
    try (Prompt prompt = Prompt.open()) {
      prompt.onInterrupt(cancellation::cancel);
      if (prompt.interactive()) {
        say.accept("Python, or bash after '!'; Ctrl-C cancels, Ctrl-D ends");
      }
      loop(prompt, sandbox, cancellation);
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
      say.accept(Failures.text(refused));
      return refused.status() != 404 && refused.status() != 410;
    } finally {
      cancellation.ended();
    }
  }

  /** Python's traceback says it all, unless the end came from outside. */
  private void sayHowItEnded(RunResult result, Language language) {
    if (!result.reason().equals("exited")) {
      say.accept("exit code " + result.exitCode() + ", " + result.reason());
    } else if (result.exitCode() != 0 && language == Language.BASH) {
      say.accept("exit code " + result.exitCode());
    }
  }
}
