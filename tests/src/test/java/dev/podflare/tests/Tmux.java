package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;

/**
 * One program in a terminal of tmux, a server of its own; what is on its screen is text. One
 * thread.
 */
final class Tmux implements AutoCloseable {
  private final String socket = "podflare-" + UUID.randomUUID();

  /** The screen says ENDED and the exit code once the program has ended. */
  Tmux(int cols, int rows, Map<String, String> environment, List<String> command) {
    StringBuilder line = new StringBuilder("env");
    environment.forEach((name, value) -> line.append(' ').append(quoted(name + "=" + value)));
    command.forEach(word -> line.append(' ').append(quoted(word)));
    line.append("; echo ENDED $?; exec sleep 600");
    run("-f", "/dev/null", "new-session", "-d", "-x", "" + cols, "-y", "" + rows, line.toString());
    run("set-option", "status", "off");
    resize(cols, rows);
  }

  private static String quoted(String word) {
    return "'" + word.replace("'", "'\\''") + "'";
  }

  /** Keys by tmux's names. */
  void keys(String... keys) {
    List<String> words = new ArrayList<>(List.of("send-keys"));
    words.addAll(Arrays.asList(keys));
    run(words.toArray(String[]::new));
  }

  /** Text as it is, and Enter. */
  void line(String text) {
    run("send-keys", "-l", text);
    keys("Enter");
  }

  void resize(int cols, int rows) {
    run("resize-window", "-x", "" + cols, "-y", "" + rows);
  }

  /** The screen, row by row. */
  String screen() {
    return run("capture-pane", "-p");
  }

  /** The same with colours as escape sequences. */
  String colours() {
    return run("capture-pane", "-p", "-e");
  }

  /** Waits until the screen shows it, as a regular expression. */
  Tmux awaitScreen(String expression) {
    Awaitility.await()
        .atMost(TestPlatform.PATIENCE)
        .untilAsserted(() -> assertThat(screen()).containsPattern(expression));
    return this;
  }

  private String run(String... words) {
    List<String> line = new ArrayList<>(List.of("tmux", "-L", socket));
    line.addAll(Arrays.asList(words));
    try {
      Process process = new ProcessBuilder(line).redirectErrorStream(true).start();
      process.getOutputStream().close();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).as(line + ": " + said).isZero();
      return said;
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {
    run("kill-server");
  }
}
