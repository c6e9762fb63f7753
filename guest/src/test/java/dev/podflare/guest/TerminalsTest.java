package dev.podflare.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;

/** Programs on terminals of their own, by the real agent. */
@TestInstance(Lifecycle.PER_CLASS)
class TerminalsTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private HostAgent agent;

  @BeforeAll
  void start(@TempDir Path folder) {
    agent = new HostAgent(folder);
  }

  @AfterAll
  void stop() {
    agent.close();
  }

  private Recording open(int window, String... argv) {
    Recording recording = new Recording();
    Map<String, String> env = Map.of("PS1", "$ ", "HISTFILE", "");
    recording.attach(
        agent
            .channel()
            .terminal(
                new TerminalCommand(List.of(argv), Optional.of("/"), env, 100, 30, window),
                recording));
    return recording;
  }

  private Recording bash(String code) {
    return open(ExecCommand.DEFAULT_WINDOW, "bash", "-c", code);
  }

  private static void type(Recording terminal, String text) {
    terminal.exec().stdin(text.getBytes(StandardCharsets.UTF_8));
  }

  private static void awaitText(Recording terminal, String text) {
    await()
        .atMost(PATIENCE)
        .failFast(() -> assertThat(terminal.lostIt()).isFalse())
        .untilAsserted(() -> assertThat(terminal.stdout()).contains(text));
  }

  @Test
  void programHasAControllingTerminalOfTheAskedSize() {
    Recording terminal =
        bash("tty; stty size; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo all; echo up >/dev/tty; pwd; echo $TERM; exit 7")
            .await();
    assertThat(terminal.stdout())
        .matches("(?s)/dev/pts/\\d+\r\n30 100\r\nall\r\nup\r\n/\r\nxterm-256color\r\n");
    assertThat(terminal.code()).isEqualTo(7);
    assertThat(terminal.reason).isEqualTo(DoneReason.EXITED);
    assertThat(terminal.opened).isTrue();
  }

  @Test
  void interruptAndStopReachTheForegroundJob() {
    Recording terminal = open(ExecCommand.DEFAULT_WINDOW, "bash", "--norc", "-i");
    awaitText(terminal, "$ ");
    type(terminal, "sleep 1000\n");
    awaitText(terminal, "sleep 1000\r\n");
    await().atMost(PATIENCE).until(() -> foreground("sleep 1000"));
    type(terminal, "\u001a"); // Ctrl-Z
    awaitText(terminal, "Stopped");
    type(terminal, "jobs; fg\n");
    awaitText(terminal, "[1]+  Stopped");
    await().atMost(PATIENCE).until(() -> foreground("sleep 1000"));
    type(terminal, "\u0003");
    awaitText(terminal, "^C");
    type(terminal, "echo after=$?\n");
    awaitText(terminal, "after=130\r\n");
    type(terminal, "exit 5\n");
    assertThat(terminal.await().code()).isEqualTo(5);
  }

  /** Whether a running process has these words. */
  private static boolean foreground(String words) {
    return ProcessHandle.allProcesses()
        .anyMatch(it -> it.info().commandLine().filter(line -> line.endsWith(words)).isPresent());
  }

  @Test
  void programHearsOfAnotherSize() {
    Recording terminal = bash("trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done");
    awaitText(terminal, "ready");
    terminal.exec().resize(132, 43);
    awaitText(terminal, "43 132\r\n");
    terminal.exec().signal(GuestSignal.KILL);
    assertThat(terminal.await().code()).isEqualTo(137);
    assertThat(terminal.reason).isEqualTo(DoneReason.KILLED);
  }

  @Test
  void killEndsAllThatRunsInTheSession() {
    Recording terminal =
        bash("trap '' HUP; set -m; sleep 2718 & (trap '' HUP; sleep 2719) & echo on; wait");
    awaitText(terminal, "on");
    await().atMost(PATIENCE).until(() -> foreground("sleep 2718") && foreground("sleep 2719"));
    terminal.exec().signal(GuestSignal.KILL);
    assertThat(terminal.await().code()).isEqualTo(137);
    await().atMost(PATIENCE).until(() -> !foreground("sleep 2718") && !foreground("sleep 2719"));
  }

  @Test
  void allThatWasWrittenIsHeardBeforeTheEnd() {
    for (int window : new int[] {4096, ExecCommand.DEFAULT_WINDOW}) {
      Recording terminal = open(window, "bash", "-c", "stty -opost; seq 1 100000; exit 9");
      assertThat(terminal.await().code()).isEqualTo(9);
      assertThat(terminal.stdout()).hasSize(588_895).endsWith("\n99999\n100000\n");
      assertThat(terminal.outputAfterEnd).isFalse();
    }
  }

  @Test
  void programWaitsWhileItsOutputIsNotAcknowledged() throws InterruptedException {
    Recording terminal = new Recording();
    terminal.acknowledging = false;
    terminal.attach(
        agent
            .channel()
            .terminal(
                new TerminalCommand(List.of("yes"), Optional.empty(), Map.of(), 80, 24, 65536),
                terminal));
    await().atMost(PATIENCE).until(() -> terminal.stdoutSize() == 65536);
    Thread.sleep(200);
    assertThat(terminal.stdoutSize()).isEqualTo(65536);
    assertThat(agent.bash("echo others go on").stdout()).isEqualTo("others go on\n");
    terminal.exec().signal(GuestSignal.KILL);
    terminal.acknowledging = true;
    terminal.exec().acknowledge(65536);
    assertThat(terminal.await().code()).isEqualTo(137);
  }

  @Test
  void muchInputIsTakenAsTheProgramReadsIt() {
    Recording terminal = bash("stty raw -echo; echo ready; head -c 1000000 | cksum");
    awaitText(terminal, "ready");
    terminal.exec().stdin(new byte[1_000_000]);
    assertThat(terminal.await().stdout()).contains("1000000");
  }

  @Test
  void whatCannotStartSaysWhy() {
    Recording terminal = open(4096, "no-such-program", "x").await();
    assertThat(terminal.code()).isEqualTo(127);
    assertThat(terminal.message).contains("No such file");
    assertThat(terminal.opened).isFalse();
    assertThat(agent.bash("echo here").stdout()).isEqualTo("here\n");
  }

  @Test
  void hundredTerminalsAtOnce() {
    List<Recording> all = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      all.add(bash("read line; echo got $line"));
    }
    for (int i = 0; i < 100; i++) {
      type(all.get(i), "n" + i + "\n");
    }
    for (int i = 0; i < 100; i++) {
      assertThat(all.get(i).await().stdout()).endsWith("got n" + i + "\r\n");
    }
    assertThat(descriptors()).isLessThan(40);
  }

  private long descriptors() {
    String[] entries = Path.of("/proc/" + agent.pid() + "/fd").toFile().list();
    return entries == null ? 0 : entries.length;
  }

  @Test
  void impossibleTerminalsAreRefused() {
    assertThatThrownBy(() -> TerminalCommand.requireSize(0, 24)).hasMessageContaining("cols");
    assertThatThrownBy(() -> TerminalCommand.requireSize(80, 70000)).hasMessageContaining("rows");
    for (List<String> argv : List.of(List.<String>of(), List.of(""), List.of("a\0b"))) {
      assertThatThrownBy(() -> new TerminalCommand(argv, Optional.empty(), Map.of(), 80, 24, 4096))
          .isInstanceOfSatisfying(
              PodflareException.class,
              e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_FIELD));
    }
  }

  @Test
  void agentsOfEarlierVersionsAreNotAsked() {
    for (String old : List.of("", "0.1.0", "0.2.0", "0.2.99", "no version", "99999.1.1")) {
      assertThatThrownBy(() -> new AgentFeatures(old).require(AgentFeatures.TERMINALS, "terminals"))
          .isInstanceOfSatisfying(
              PodflareException.class,
              e -> assertThat(e.code()).isEqualTo(ErrorCode.GUEST_TOO_OLD));
    }
    for (String fit : List.of("0.3.0", "0.10.0", "1.0.0")) {
      new AgentFeatures(fit).require(AgentFeatures.TERMINALS, "terminals");
    }
  }
}
