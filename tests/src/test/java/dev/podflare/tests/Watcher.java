package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.Terminal;
import dev.podflare.client.TerminalConnection;
import dev.podflare.client.TerminalListener;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;

/** Somebody at a terminal, who remembers what it said. Thread-safe. */
final class Watcher implements TerminalListener, AutoCloseable {
  private final ByteArrayOutputStream output = new ByteArrayOutputStream();
  private final TerminalConnection connection;
  private long bytes;
  private long skipped;
  private @Nullable String closed;

  Watcher(Terminal terminal) {
    connection = terminal.connect(this);
  }

  void type(String text) {
    connection.send(text.getBytes(StandardCharsets.UTF_8));
  }

  void resize(int cols, int rows) {
    connection.resize(cols, rows);
  }

  /** Waits until it has been said since the last {@link #forget}. */
  Watcher awaitText(String text) {
    Awaitility.await()
        .atMost(TestPlatform.PATIENCE)
        .untilAsserted(() -> assertThat(text()).contains(text));
    return this;
  }

  /**
   * Waits for the prompt of a shell, {@code "$ "}: what is typed while a shell takes its terminal
   * back, after a Ctrl-C above all, may be lost or even end it, on any terminal.
   */
  Watcher awaitPrompt() {
    Awaitility.await()
        .atMost(TestPlatform.PATIENCE)
        .untilAsserted(() -> assertThat(text()).endsWith("$ "));
    return this;
  }

  /** Types a line for a shell, whose words must not be in its answer, and waits for that. */
  Watcher ask(String line, String answer) {
    forget();
    type(line + "\n");
    return awaitText(answer);
  }

  synchronized void forget() {
    output.reset();
  }

  synchronized String text() {
    return output.toString(StandardCharsets.UTF_8);
  }

  /** All that it has heard. */
  synchronized long bytes() {
    return bytes;
  }

  synchronized long skippedBytes() {
    return skipped;
  }

  synchronized Optional<String> whyClosed() {
    return Optional.ofNullable(closed);
  }

  /** Waits for the connection's end; the exit code, if the program ended. */
  Optional<Integer> end() {
    try {
      return connection.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public synchronized void output(byte[] more) {
    bytes += more.length;
    if (output.size() > 1 << 20) {
      output.reset();
    }
    output.writeBytes(more);
  }

  @Override
  public synchronized void skipped(long count) {
    skipped += count;
  }

  @Override
  public synchronized void closed(String why, boolean lost) {
    closed = why;
  }

  @Override
  public void close() {
    connection.close();
  }
}
