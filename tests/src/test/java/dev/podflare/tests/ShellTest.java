package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.Sandbox;
import dev.podflare.client.Terminal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** {@code podflare shell} as somebody sees it who sits before it. */
@OnPlatform
@Order(40)
class ShellTest {
  /** Draws a frame as large as the screen, says keys and sizes, ends with q. */
  private static final String FULL_SCREEN =
      """
      import curses
      def main(screen):
          curses.start_color()
          curses.init_pair(1, curses.COLOR_GREEN, curses.COLOR_BLACK)
          said = 'ready'
          while True:
              rows, cols = screen.getmaxyx()
              screen.erase()
              screen.addstr(0, 0, 'top left')
              screen.addstr(rows - 1, cols - 6, 'right', curses.color_pair(1))
              screen.addstr(2, 2, f'{said} {rows}x{cols}')
              screen.refresh()
              key = screen.getch()
              if key == ord('q'):
                  return
              said = curses.keyname(key).decode()
      curses.wrapper(main)
      """;

  private final TestPlatform platform;

  ShellTest(TestPlatform platform) {
    this.platform = platform;
  }

  private Tmux shell(Sandbox sandbox, String... options) {
    List<String> command = new ArrayList<>(DaemonProcess.java("-Xmx128m"));
    command.addAll(List.of("shell", "--sandbox", sandbox.id()));
    command.addAll(Arrays.asList(options));
    Map<String, String> environment =
        Map.of("PODFLARE_API_URL", platform.uri.toString(), "PODFLARE_API_KEY", platform.key);
    return new Tmux(100, 30, environment, command);
  }

  @Test
  void itIsATerminalLikeAnyOther() {
    try (Sandbox sandbox = platform.createWarm();
        Tmux tmux = shell(sandbox, "--", "bash", "--norc")) {
      tmux.awaitScreen("bash-[0-9.]+#");
      tmux.line("stty size");
      tmux.awaitScreen("(?m)^30 100$");
      tmux.resize(80, 25);
      Awaitility.await()
          .atMost(TestPlatform.PATIENCE)
          .until(() -> sandbox.terminals().getFirst().cols() == 80);
      tmux.line("stty size");
      tmux.awaitScreen("(?m)^25 80$");
      tmux.line("clear; printf 'a \\033[31mred\\033[0m word\\n'");
      tmux.awaitScreen("(?m)^a red word$");
      assertThat(tmux.colours()).contains("a \u001b[31mred\u001b[39m word");
      tmux.line("echo sle$((0))eps; sleep 1000");
      tmux.awaitScreen("(?m)^sle0eps$");
      tmux.keys("C-c");
      // What is typed while a shell takes its terminal back may be lost, on any terminal.
      tmux.awaitScreen("\\^C\nbash-[0-9.]+#");
      tmux.line("echo code=$?");
      tmux.awaitScreen("(?m)^code=130\nbash-[0-9.]+#$");
      tmux.keys("Up"); // readline's history, by an escape sequence
      tmux.keys("C-a");
      tmux.line("echo again; ");
      tmux.awaitScreen("(?m)^again\ncode=0$");
      tmux.line("echo é € 日本 | cat -A | head -c 100");
      tmux.awaitScreen("M-CM-\\)");
      tmux.line("exit 7");
      tmux.awaitScreen("(?m)^ENDED 7$");
    }
  }

  @Test
  void programsThatDrawTheWholeScreenDo() {
    try (Sandbox sandbox = platform.createWarm();
        Tmux tmux = shell(sandbox, "--", "bash", "--norc")) {
      sandbox.runCode("open('/root/full.py', 'w').write(" + python(FULL_SCREEN) + ")");
      tmux.awaitScreen("bash-[0-9.]+#");
      tmux.line("echo before");
      tmux.awaitScreen("(?m)^before$");
      tmux.line("python3 /root/full.py");
      tmux.awaitScreen("(?m)^top left\n\n {2}ready 30x100$");
      assertThat(tmux.screen().stripTrailing()).endsWith(" ".repeat(94) + "right");
      assertThat(tmux.colours()).contains("\u001b[32m");
      tmux.resize(60, 20);
      tmux.awaitScreen("KEY_RESIZE 20x60");
      assertThat(tmux.screen().stripTrailing()).endsWith(" ".repeat(54) + "right");
      tmux.keys("Left");
      tmux.awaitScreen("KEY_LEFT");
      tmux.keys("F5");
      tmux.awaitScreen("KEY_F\\(5\\)");
      tmux.keys("q");
      tmux.awaitScreen("(?m)^before$"); // the screen that was there before it
      tmux.line("exit");
      tmux.awaitScreen("(?m)^ENDED 0$");
    }
  }

  private static String python(String text) {
    return "'''" + text + "'''";
  }

  @Test
  void itIsLeftAndJoinedAgain() {
    try (Sandbox sandbox = platform.createWarm()) {
      try (Tmux tmux = shell(sandbox, "--", "bash", "--norc")) {
        tmux.awaitScreen("bash-[0-9.]+#");
        tmux.line("x=kept; echo set-$x");
        tmux.awaitScreen("(?m)^set-kept$");
        tmux.line("~?");
        tmux.awaitScreen("~\\. leaves the terminal");
        tmux.line("~.");
        tmux.awaitScreen("it runs on; join it again with: podflare shell --sandbox sbx_")
            .awaitScreen("(?m)^ENDED 0$");
      }
      Terminal terminal = sandbox.terminal(sandbox.terminals().getFirst().ptyId());
      try (Tmux tmux = shell(sandbox, "--terminal", terminal.id())) {
        tmux.awaitScreen("(?m)^set-kept$");
        tmux.line("echo again-$x");
        tmux.awaitScreen("(?m)^again-kept$");
        terminal.kill();
        tmux.awaitScreen("ENDED 137");
      }
    }
  }

  @Test
  void aFloodIsShownAndStopsAtCtrlC() {
    try (Sandbox sandbox = platform.createWarm();
        Tmux tmux = shell(sandbox, "--", "bash", "--norc")) {
      tmux.awaitScreen("bash-[0-9.]+#");
      tmux.line("yes 'a line that goes on and on'");
      tmux.awaitScreen("(?s)(a line that goes on and on\n){20}");
      tmux.keys("C-c");
      tmux.awaitScreen("\\^C\nbash-[0-9.]+#");
      tmux.line("echo af$((1))ter");
      tmux.awaitScreen("(?m)^af1ter$");
      tmux.line("seq -f %07.0f 1 500000; echo do$((1))ne");
      tmux.awaitScreen("(?m)^0500000\ndo1ne$");
      tmux.line("exit");
      tmux.awaitScreen("(?m)^ENDED 0$");
    }
  }
}
