package dev.podflare.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

/** Where the shell's lines come from. One thread. */
interface Prompt extends AutoCloseable {
  /** What the user did. */
  sealed interface Input {
    record Line(String text) implements Input {}

    /** Ctrl-C at the prompt. */
    record Interrupt() implements Input {}

    record End() implements Input {}
  }

  Input next(String prompt);

  /** Whether a person sees what is said. */
  boolean interactive();

  /** What Ctrl-C does while code runs. */
  void onInterrupt(Runnable action);

  @Override
  void close();

  /** A line editor on a terminal, else plain standard input. */
  static Prompt open() {
    return Interaction.onTerminal() ? new OnTerminal() : new Plain();
  }

  /** With line editing and history. */
  final class OnTerminal implements Prompt {
    private final Terminal terminal;
    private final LineReader reader;

    OnTerminal() {
      try {
        terminal = TerminalBuilder.builder().system(true).build();
      } catch (IOException failure) {
        throw new UncheckedIOException(failure);
      }
      reader =
          LineReaderBuilder.builder()
              .terminal(terminal)
              .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true) // "!" is bash here
              .option(LineReader.Option.INSERT_TAB, true) // Python is indented
              .build();
    }

    @Override
    public Input next(String prompt) {
      try {
        return new Input.Line(reader.readLine(prompt));
      } catch (UserInterruptException _) {
        return new Input.Interrupt();
      } catch (EndOfFileException _) {
        return new Input.End();
      }
    }

    @Override
    public boolean interactive() {
      return true;
    }

    @Override
    public void onInterrupt(Runnable action) {
      terminal.handle(Terminal.Signal.INT, _ -> action.run());
    }

    @Override
    public void close() {
      try {
        terminal.close();
      } catch (IOException _) {
        // The terminal has gone; nothing is left to restore.
      }
    }
  }

  /** For scripts: no prompt is shown. */
  final class Plain implements Prompt {
    private final BufferedReader reader =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

    @Override
    public Input next(String prompt) {
      try {
        return Optional.ofNullable(reader.readLine())
            .<Input>map(Input.Line::new)
            .orElseGet(Input.End::new);
      } catch (IOException failure) {
        throw new UncheckedIOException(failure);
      }
    }

    @Override
    public boolean interactive() {
      return false;
    }

    @Override
    public void onInterrupt(Runnable action) {
      // Without a terminal Ctrl-C ends the process, whose shutdown hook cancels.
    }

    @Override
    public void close() {}
  }
}
