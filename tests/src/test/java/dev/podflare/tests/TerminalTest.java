package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.assertUsable;
import static dev.podflare.tests.GuestProbe.bash;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.client.ApiException;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.SandboxPatch;
import dev.podflare.client.Terminal;
import dev.podflare.client.TerminalInfo;
import dev.podflare.client.TerminalOptions;
import dev.podflare.client.TerminalRead;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** Terminals of real guests: what people and programs expect of one, and many at once. */
@OnPlatform
@Order(39)
class TerminalTest {
  /** Says when it runs, and when it does so again. */
  private static final String WAITS =
      "bash -c 'trap \"echo b$((1))k\" CONT; echo w$((1))t; while :; do sleep 0.1; done'";

  private final TestPlatform platform;

  TerminalTest(TestPlatform platform) {
    this.platform = platform;
  }

  static Terminal shell(Sandbox sandbox) {
    return sandbox.openTerminal(
        TerminalOptions.shell()
            .withArgv(List.of("bash", "--norc", "-i"))
            .withEnv(Map.of("PS1", "$ ", "HISTFILE", "")));
  }

  @Test
  void aShellHasJobControlSizesAndItsOwnExitCode() {
    try (Sandbox sandbox = platform.createWarm()) {
      Terminal terminal = shell(sandbox);
      try (Watcher watcher = new Watcher(terminal)) {
        watcher.awaitText("$ ");
        watcher.ask("tty; echo $TERM", "/dev/pts/").awaitText("xterm-256color");
        watcher.resize(132, 43);
        watcher.ask("stty size", "43 132");
        watcher.ask("echo o$((1))n; cat", "o1n\r\n"); // the shell has let go of the keys
        watcher.ask("echoed twice", "echoed twice\r\nechoed twice\r\n");
        watcher.type("\u0004"); // Ctrl-D
        watcher.awaitPrompt();
        watcher.ask("echo o$((2))n", "o2n\r\n");
        watcher.ask(WAITS, "w1t\r\n");
        watcher.type("\u001a"); // Ctrl-Z
        watcher.awaitText("Stopped").awaitPrompt();
        watcher.ask("fg", "b1k\r\n");
        watcher.forget();
        watcher.type("\u0003"); // Ctrl-C
        watcher.awaitText("^C").awaitPrompt();
        watcher.ask("echo code=$?", "code=130");
        watcher.type("exit 6\n");
        assertThat(watcher.end()).contains(6);
      }
      TerminalInfo info = sandbox.terminals().getFirst();
      assertThat(info.exitCode()).contains(6);
      assertThat(info.cols()).isEqualTo(132);
      assertThatThrownBy(() -> terminal.input(new byte[1]))
          .isInstanceOfSatisfying(
              ApiException.class, e -> assertThat(e.code()).isEqualTo("pty_closed"));
      try (Watcher late = new Watcher(terminal)) {
        assertThat(late.end()).contains(6);
        assertThat(late.text()).contains("code=130");
      }
      assertUsable(sandbox);
    }
  }

  @Test
  void readGivesWhatIsKeptAndSaysWhatIsNot() {
    try (Sandbox sandbox = platform.createWarm()) {
      Terminal terminal =
          sandbox.openTerminal(TerminalOptions.command("stty -opost; seq 1 300000"));
      try (Watcher watcher = new Watcher(terminal)) {
        assertThat(watcher.end()).contains(0);
      }
      TerminalRead first = terminal.read(0, 1 << 20, Duration.ZERO);
      assertThat(first.truncated()).isTrue();
      assertThat(first.exitCode().isPresent() || first.bytes().length == 1 << 20).isTrue();
      StringBuilder text = new StringBuilder(ascii(first));
      TerminalRead last = first;
      while (last.exitCode().isEmpty()) {
        last = terminal.read(last.nextSeq(), 100_000, Duration.ofSeconds(5));
        assertThat(last.truncated()).isFalse();
        text.append(ascii(last));
      }
      assertThat(last.nextSeq()).isEqualTo(1_988_895);
      assertThat(last.exitCode()).contains(0);
      assertThat(text.length()).isBetween((1 << 20) - 4096, (1 << 20) + 4096);
      assertThat(text.toString()).endsWith("\n299999\n300000\n");
    }
  }

  private static String ascii(TerminalRead read) {
    return new String(read.bytes(), StandardCharsets.US_ASCII);
  }

  @Test
  void aSlowAndADeadViewerHoldUpNobody() throws Exception {
    try (Sandbox sandbox = platform.createWarm()) {
      Terminal terminal =
          sandbox.openTerminal(
              TerminalOptions.command("read go; head -c 20000000 /dev/zero; echo done"));
      try (RawStream dead = RawStream.get(platform, attach(sandbox, terminal));
          Watcher slow = new Watcher(terminal);
          Watcher fast = new Watcher(terminal)) {
        assertThat(dead.status()).isEqualTo(200); // and then nothing of it is read
        Thread sleeper =
            Thread.ofVirtual()
                .start(() -> {
                  synchronized (slow) { // what is to be said to it waits
                    assertThat(fast.end()).isPresent();
                  }
                });
        terminal.input("\n".getBytes(StandardCharsets.US_ASCII));
        assertThat(fast.end()).contains(0);
        assertThat(fast.text()).endsWith("done\r\n");
        assertThat(fast.bytes() + fast.skippedBytes()).isGreaterThanOrEqualTo(20_000_000);
        sleeper.join();
        assertThat(slow.end()).contains(0);
        assertThat(slow.text()).endsWith("done\r\n");
        assertThat(slow.skippedBytes()).isPositive();
        assertThat(slow.bytes() + slow.skippedBytes())
            .isEqualTo(fast.bytes() + fast.skippedBytes());
      }
      assertUsable(sandbox);
    }
  }

  private static String attach(Sandbox sandbox, Terminal terminal) {
    return "/v1/sandboxes/" + sandbox.id() + "/pty/" + terminal.id() + "/attach";
  }

  @Test
  void fiftyTerminalsAtOnceAndNotMoreThanTheLimit() {
    try (Sandbox sandbox = platform.createWarm()) {
      List<Terminal> terminals = new ArrayList<>();
      for (int i = 0; i < 50; i++) {
        terminals.add(
            sandbox.openTerminal(TerminalOptions.command("read line; echo got $line; read")));
      }
      for (int i = 0; i < 50; i++) {
        terminals.get(i).input(("n" + i + "\n").getBytes(StandardCharsets.US_ASCII));
      }
      for (int i = 0; i < 50; i++) {
        try (Watcher watcher = new Watcher(terminals.get(i))) {
          watcher.awaitText("got n" + i + "\r\n");
        }
      }
      for (int i = 50; i < 64; i++) {
        terminals.add(sandbox.openTerminal(TerminalOptions.shell().withArgv(List.of("cat"))));
      }
      assertThatThrownBy(() -> sandbox.openTerminal(TerminalOptions.shell()))
          .isInstanceOfSatisfying(
              ApiException.class, e -> assertThat(e.code()).isEqualTo("too_many_ptys"));
      terminals.forEach(Terminal::kill);
      Awaitility.await()
          .atMost(TestPlatform.PATIENCE)
          .until(() -> sandbox.terminals().stream().allMatch(it -> it.exitCode().isPresent()));
      assertThat(sandbox.terminals()).hasSize(16);
      assertThat(bash(sandbox, "ls /dev/pts | grep -c '[0-9]'; true").strip()).isEqualTo("0");
      assertUsable(sandbox);
    }
  }

  @Test
  void whatCannotStartIsRefused() {
    try (Sandbox sandbox = platform.createWarm()) {
      assertThatThrownBy(
              () -> sandbox.openTerminal(TerminalOptions.shell().withArgv(List.of("nothing-such"))))
          .isInstanceOfSatisfying(
              ApiException.class,
              e -> {
                assertThat(e.code()).isEqualTo("invalid_field");
                assertThat(e.getMessage()).contains("nothing-such").contains("No such file");
              });
      assertThat(sandbox.terminals()).isEmpty();
    }
  }

  @Test
  void eachChildOfAForkHasItsCopy() {
    try (Sandbox parent = platform.createWarm()) {
      Terminal terminal = shell(parent);
      try (Watcher watcher = new Watcher(terminal)) {
        watcher.awaitText("$ ").ask("x=mine; echo set-$x", "set-mine");
        List<Sandbox> children = parent.fork(2);
        for (int i = 0; i < 2; i++) {
          Sandbox child = children.get(i);
          assertThat(child.terminals()).hasSize(1);
          try (Watcher its = new Watcher(child.terminal(terminal.id()))) {
            its.awaitText("set-mine"); // what the screen had
            its.ask("x=child" + i + "; echo now-$x", "now-child" + i);
            its.resize(70 + i, 20);
            its.ask("stty size", "20 7" + i);
          }
        }
        watcher.ask("echo still-$x", "still-mine");
        Sandbox winner = children.getFirst();
        parent.mergeInto(winner);
        assertThat(watcher.end()).isEmpty();
        assertThat(watcher.whyClosed().orElse("")).contains("merged");
        try (Watcher its = new Watcher(parent.terminal(terminal.id()))) {
          its.awaitText("now-child0").ask("echo won-$x", "won-child0");
          its.type("exit 4\n");
          assertThat(its.end()).contains(4);
        }
        children.get(1).close();
      }
    }
  }

  @Test
  void anUndoTakesItBackToWhereItWas() {
    try (Sandbox sandbox = platform.client.create(SandboxOptions.builder().undo(2).build())) {
      Terminal terminal = shell(sandbox);
      try (Watcher watcher = new Watcher(terminal)) {
        watcher.awaitText("$ ").ask("x=kept; echo set-$x", "set-kept");
        assertThat(bash(sandbox, "echo a moment was kept before this")).startsWith("a moment");
        watcher.awaitPrompt().ask("x=gone; echo now-$x", "now-gone");
        sandbox.undo(1);
        assertThat(watcher.end()).isEmpty();
      }
      try (Watcher watcher = new Watcher(sandbox.terminal(terminal.id()))) {
        watcher.awaitText("set-kept").ask("echo back-$x", "back-kept");
      }
    }
  }

  @Test
  void aSandboxIsNotIdleWhileSomebodyLooks() {
    try (Sandbox sandbox = platform.client.create()) {
      Terminal terminal = sandbox.openTerminal(TerminalOptions.shell().withArgv(List.of("cat")));
      try (Watcher watcher = new Watcher(terminal)) {
        sandbox.patch(SandboxPatch.NOTHING.withIdleTimeout(Duration.ofSeconds(2)));
        // Longer than it may be idle; nothing is asked of it meanwhile.
        Awaitility.await()
            .pollDelay(Duration.ofSeconds(6))
            .atMost(TestPlatform.PATIENCE)
            .until(() -> true);
        assertThat(watcher.whyClosed()).isEmpty();
        watcher.type("here\n");
        watcher.awaitText("here\r\nhere\r\n");
      }
      assertThat(platform.awaitGone(sandbox)).isEqualTo("idle");
    }
  }

  @Test
  void itStandsStillWhilePausedAndInputWakesIt() {
    try (Sandbox sandbox =
        platform.client.create(SandboxOptions.builder().autoResume(true).build())) {
      Terminal terminal = shell(sandbox);
      try (Watcher watcher = new Watcher(terminal)) {
        watcher.awaitText("$ ").ask("x=kept; echo set-$x", "set-kept");
        sandbox.pause();
        assertThat(terminal.read(0, 100, Duration.ZERO).bytes()).isNotEmpty();
        assertThat(sandbox.info().state()).isEqualTo("paused");
        watcher.ask("echo woken-$x", "woken-kept");
        assertThat(sandbox.info().state()).isEqualTo("ready");
      }
    }
  }

  @Test
  void itIsFrozenWithItsSandboxAndGoesOnWithIt() {
    try (Sandbox sandbox =
        platform.client.create(SandboxOptions.builder().persistent(true).build())) {
      Terminal terminal = shell(sandbox);
      try (Watcher watcher = new Watcher(terminal)) {
        watcher.awaitText("$ ").ask("x=kept; echo set-$x", "set-kept");
        sandbox.freeze();
        assertThat(watcher.end()).isEmpty();
        assertThat(watcher.whyClosed().orElse("")).contains("frozen");
      }
      try (Watcher watcher = new Watcher(terminal)) { // which wakes it
        watcher.awaitText("set-kept").ask("echo again-$x", "again-kept");
        watcher.resize(99, 33);
        watcher.ask("stty size", "33 99");
        watcher.type("exit 2\n");
        assertThat(watcher.end()).contains(2);
      }
      sandbox.delete();
    }
  }
}
