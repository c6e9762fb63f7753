package dev.podflare.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
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

/** Bash calls: processes of their own, side by side with Python and each other. */
@TestInstance(Lifecycle.PER_CLASS)
class BashCallsTest {
  private HostAgent agent;

  @BeforeAll
  void start(@TempDir Path folder) {
    agent = new HostAgent(folder);
  }

  @AfterAll
  void stop() {
    agent.close();
  }

  @Test
  void outputAndExitCodeAreReported() {
    Recording call = agent.bash("echo out; echo err >&2; exit 3");
    assertThat(call.stdout()).isEqualTo("out\n");
    assertThat(call.stderr()).isEqualTo("err\n");
    assertThat(call.code()).isEqualTo(3);
    assertThat(agent.bash("cat").code()).isZero();
    assertThat(agent.bash("kill -KILL $$").code()).isEqualTo(137);
  }

  @Test
  void pythonMayBeBusy() {
    Recording busy = agent.start(ExecCommand.of(GuestLanguage.PYTHON, "while True: pass"));
    List<Recording> calls = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      calls.add(agent.start(ExecCommand.of(GuestLanguage.BASH, "sleep 0.2; echo " + i)));
    }
    for (int i = 0; i < 10; i++) {
      assertThat(calls.get(i).await().stdout()).isEqualTo(i + "\n");
    }
    assertThat(busy.ended()).isFalse();
    busy.exec().signal(GuestSignal.INT);
    assertThat(busy.await().code()).isEqualTo(130);
  }

  @Test
  void signalReachesTheWholeGroup() {
    Recording call = agent.start(ExecCommand.of(GuestLanguage.BASH, "echo up; sleep 60 | cat"));
    await().until(() -> call.stdout().equals("up\n"));
    call.exec().signal(GuestSignal.TERM);
    assertThat(call.await().code()).isEqualTo(143);
    assertThat(call.reason).isEqualTo(DoneReason.KILLED);
  }

  @Test
  void inputIsPassedOn() {
    ExecCommand command = command("wc -c; exec 0<&-; echo end", true, Map.of(), Optional.empty());
    Recording call = agent.start(command);
    call.exec().stdin(new byte[3 << 20]);
    call.exec().stdinEnd();
    assertThat(call.await().stdout()).isEqualTo((3 << 20) + "\nend\n");
    assertThatThrownBy(() -> call.exec().stdin(new byte[1]))
        .isInstanceOfSatisfying(
            PodflareException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.STDIN_CLOSED));
  }

  @Test
  void inputThatNobodyReadsIsLimited() {
    Recording call = agent.start(command("sleep 60", true, Map.of(), Optional.empty()));
    assertThatThrownBy(() -> call.exec().stdin(new byte[1 << 20], Duration.ofMillis(300)))
        .isInstanceOfSatisfying(
            PodflareException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.TIMED_OUT));
    call.exec().signal(GuestSignal.KILL);
    call.await();
  }

  @Test
  void inputToAProgramThatClosedItIsSwallowed() {
    Recording call =
        agent.start(command("exec 0<&-; echo closed; sleep 0.5", true, Map.of(), Optional.empty()));
    await().until(() -> call.stdout().equals("closed\n"));
    call.exec().stdin("nobody".repeat(100_000).getBytes(StandardCharsets.UTF_8));
    assertThat(call.await().code()).isZero();
  }

  @Test
  void largeCodeRuns() {
    String code = ": '" + "x".repeat(5 << 20) + "'\necho ran";
    assertThat(agent.bash(code).stdout()).isEqualTo("ran\n");
    assertThat(agent.bash(": '" + "x".repeat(150_000) + "'\necho ran").stdout()).isEqualTo("ran\n");
  }

  @Test
  void backgroundChildDoesNotDelayTheEndAndLivesOn() {
    Path mark = agent.folder.resolve("mark");
    Recording call =
        agent.bash("echo first; (sleep 0.3; echo late; echo late >&2; touch " + mark + ") &");
    assertThat(call.stdout()).isEqualTo("first\n");
    await().until(() -> Files.exists(mark));
    assertThat(call.stdout()).isEqualTo("first\n");
    assertThat(call.outputAfterEnd).isFalse();
  }

  @Test
  void folderAndVariablesAreTheCallsOwn() {
    Recording call =
        agent.start(command("echo $PWD $WHO", false, Map.of("WHO", "me"), Optional.of("/usr")));
    assertThat(call.await().stdout()).isEqualTo("/usr me\n");
    assertThat(agent.bash("echo [$WHO]").stdout()).isEqualTo("[]\n");
    Recording missing = agent.start(command("echo", false, Map.of(), Optional.of("/nowhere")));
    assertThat(missing.await().code()).isEqualTo(126);
    assertThat(missing.stderr()).contains("/nowhere");
  }

  @Test
  void nothingIsLeftOpen() {
    agent.bash("true");
    long before = open();
    for (int i = 0; i < 20; i++) {
      agent.bash("echo x");
    }
    await().until(() -> open() <= before);
  }

  private long open() {
    String[] names = Path.of("/proc/" + agent.pid() + "/fd").toFile().list();
    return names == null ? -1 : names.length;
  }

  private static ExecCommand command(
      String code, boolean stdin, Map<String, String> env, Optional<String> cwd) {
    return new ExecCommand(
        GuestLanguage.BASH, code, cwd, env, stdin, false, ExecCommand.DEFAULT_WINDOW);
  }
}
