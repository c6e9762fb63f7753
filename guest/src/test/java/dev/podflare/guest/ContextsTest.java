package dev.podflare.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;

/** Interpreters beside the first one. */
@TestInstance(Lifecycle.PER_CLASS)
class ContextsTest {
  private static final int MOST = 64;

  private HostAgent agent;
  private GuestContexts contexts;
  private int made;

  @BeforeAll
  void start(@TempDir Path folder) {
    agent = new HostAgent(folder);
    contexts = new GuestContexts(agent.channel(), HostAgent.PATIENCE);
  }

  @AfterAll
  void stop() {
    agent.close();
  }

  @AfterEach
  void closeAll() {
    contexts.list().forEach(it -> contexts.close(it.id()));
    assertThat(contexts.list()).isEmpty();
    assertThat(agent.python("print('in order')").stdout()).isEqualTo("in order\n");
  }

  private String open(String language) {
    return contexts.open("ctx_" + ++made, language, "", Map.of(), MOST).id();
  }

  private Recording begin(String context, String code) {
    ExecCommand command =
        new ExecCommand(
            GuestLanguage.PYTHON,
            code,
            Optional.empty(),
            Map.of(),
            false,
            true,
            ExecCommand.DEFAULT_WINDOW);
    return agent.start(command.in(context));
  }

  private Recording run(String context, String code) {
    return begin(context, code).await();
  }

  @Test
  void pythonContextsHaveNamesOfTheirOwn() {
    agent.python("x = 'first'");
    String one = open("python");
    String other = open("python");
    assertThat(run(one, "x = 1").code()).isZero();
    assertThat(run(other, "x = 2").code()).isZero();
    assertThat(run(one, "x + 10").result).isEqualTo(Map.of("text/plain", "11"));
    assertThat(run(other, "print(x)").stdout()).isEqualTo("2\n");
    assertThat(agent.python("print(x)").stdout()).isEqualTo("first\n");
    assertThat(run(one, "1 / 0").stderr()).endsWith("ZeroDivisionError: division by zero\n");
  }

  @Test
  void aShellKeepsVariablesFunctionsAndFolder() {
    String shell = contexts.open("ctx_s", "bash", "/usr", Map.of("GREETING", "hello"), MOST).id();
    assertThat(run(shell, "cd lib; a=5; f() { echo \"f $1\"; }; export E=6").code()).isZero();
    assertThat(run(shell, "pwd; f $a; echo $GREETING; bash -c 'echo $E'").stdout())
        .isEqualTo("/usr/lib\nf 5\nhello\n6\n");
    assertThat(run(shell, "false").code()).isEqualTo(1);
    assertThat(run(shell, "echo out; echo err >&2; (exit 7)").code()).isEqualTo(7);
    assertThat(run(shell, "if then").code()).isNotZero();
    assertThat(run(shell, "echo '" + "y".repeat(100_000) + "' | wc -c").stdout())
        .isEqualTo("100001\n");
    Recording gone = run(shell, "exit 9");
    assertThat(gone.code()).isEqualTo(9);
    assertThat(gone.reason).isEqualTo(DoneReason.EXITED);
    assertThat(run(shell, "echo \"[$a] $GREETING\"; pwd").stdout()).isEqualTo("[] hello\n/usr\n");
  }

  @Test
  void eachHasItsOwnQueue() {
    String one = open("bash");
    String other = open("bash");
    Recording slow =
        begin(one, "until [ -e " + agent.folder + "/go ]; do sleep 0.05; done; echo 1");
    Recording behind = begin(one, "echo 2");
    Recording cancelled = begin(one, "echo 3");
    assertThat(run(other, "echo beside").stdout()).isEqualTo("beside\n");
    assertThat(contexts.list())
        .filteredOn(GuestContext::busy)
        .extracting(GuestContext::id)
        .containsExactly(one);
    assertThat(behind.ended()).isFalse();
    cancelled.exec().signal(GuestSignal.INT);
    assertThat(cancelled.await().code()).isEqualTo(130);
    run(other, "touch " + agent.folder + "/go");
    assertThat(slow.await().stdout()).isEqualTo("1\n");
    assertThat(behind.await().stdout()).isEqualTo("2\n");
  }

  @Test
  void interruptRestartAndClose() {
    for (String language : List.of("python", "bash")) {
      String context = open(language);
      assertThat(run(context, "v=4").code()).isZero();
      String sleep =
          language.equals("python")
              ? "print('in'); import time; time.sleep(60)"
              : "echo in; sleep 60";
      Recording first = begin(context, sleep);
      await().until(() -> first.stdout().equals("in\n"));
      contexts.interrupt(context);
      assertThat(first.await().code()).isEqualTo(130);
      String show = language.equals("python") ? "print(v)" : "echo $v";
      assertThat(run(context, show).stdout()).isEqualTo("4\n");
      Recording second = begin(context, sleep);
      await().until(() -> second.stdout().equals("in\n"));
      contexts.restart(context);
      assertThat(second.await().code()).isEqualTo(137);
      assertThat(run(context, show).stdout()).isNotEqualTo("4\n");
      Recording third = begin(context, sleep);
      Recording waiting = begin(context, show);
      await().until(() -> third.stdout().equals("in\n"));
      contexts.close(context);
      assertThat(third.await().code()).isEqualTo(137);
      assertThat(waiting.await().code()).isEqualTo(130);
      assertThat(run(context, show).stderr()).contains("no such context");
    }
  }

  @Test
  void refusalsAreCoded() {
    assertThatThrownBy(() -> contexts.open("ctx_x", "cobol", "", Map.of(), MOST))
        .isInstanceOfSatisfying(
            PodflareException.class,
            it -> {
              assertThat(it.code()).isEqualTo(ErrorCode.LANGUAGE_NOT_AVAILABLE);
              assertThat(it.sentence()).contains("python, bash");
            });
    assertThatThrownBy(() -> contexts.open("ctx_x", "bash", "/no/where", Map.of(), MOST))
        .isInstanceOfSatisfying(
            PodflareException.class,
            it -> assertThat(it.code()).isEqualTo(ErrorCode.INVALID_FIELD));
    assertThatThrownBy(() -> contexts.restart("ctx_none"))
        .isInstanceOfSatisfying(
            PodflareException.class,
            it -> assertThat(it.code()).isEqualTo(ErrorCode.CONTEXT_NOT_FOUND));
    for (int i = 0; i < 64; i++) {
      open("bash");
    }
    assertThatThrownBy(() -> open("bash"))
        .isInstanceOfSatisfying(
            PodflareException.class,
            it -> assertThat(it.code()).isEqualTo(ErrorCode.TOO_MANY_CONTEXTS));
  }

  @Test
  void nothingOfAClosedContextIsLeft() {
    await().untilAsserted(() -> assertThat(descriptors()).isLessThan(30)); // others' are gone
    int before = descriptors();
    for (int i = 0; i < 5; i++) {
      String python = open("python");
      String bash = open("bash");
      run(python, "1");
      run(bash, "sleep 600 &");
      contexts.close(python);
      contexts.close(bash);
    }
    await().untilAsserted(() -> assertThat(descriptors()).isLessThanOrEqualTo(before));
  }

  private int descriptors() {
    return Path.of("/proc/" + agent.pid() + "/fd").toFile().list().length;
  }

  @Test
  void aProcessThatDiesTakesOnlyItsCall() {
    String python = open("python");
    String bash = open("bash");
    assertThat(run(python, "import os; os._exit(5)").reason).isEqualTo(DoneReason.CRASHED);
    assertThat(run(python, "2").result).isEqualTo(Map.of("text/plain", "2"));
    Recording killed = run(bash, "kill -9 $$");
    assertThat(killed.code()).isEqualTo(137);
    assertThat(killed.reason).isEqualTo(DoneReason.CRASHED);
    assertThat(run(bash, "echo on").stdout()).isEqualTo("on\n");
    assertThat(run(bash, "exec 200<&- 201>&-; echo x").stdout()).isEqualTo("x\n");
    assertThat(run(bash, "echo again").stdout()).isEqualTo("again\n");
  }
}
