package dev.podflare.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Code that hurts its interpreter ends its call; the agent goes on and the next call works. */
@TestInstance(Lifecycle.PER_CLASS)
class HostileCodeTest {
  private HostAgent agent;

  @BeforeAll
  void start(@TempDir Path folder) {
    agent = new HostAgent(folder);
  }

  @AfterAll
  void stop() {
    agent.close();
  }

  @AfterEach
  void agentServes() {
    Recording next = agent.python("import sys\nprint('next')\nprint('err', file=sys.stderr)");
    assertThat(next.stdout()).isEqualTo("next\n");
    assertThat(next.stderr()).isEqualTo("err\n");
    agent.notices.clear();
  }

  @Test
  void exitOfTheProcessIsReported() {
    Recording call = agent.python("import os\nprint('last words', flush=True)\nos._exit(7)");
    assertThat(call.stdout()).isEqualTo("last words\n");
    assertThat(call.code()).isEqualTo(7);
    assertThat(call.reason).isEqualTo(DoneReason.CRASHED);
    assertThat(call.message).contains("exit code 7");
    assertThat(agent.notices).singleElement().asString().contains("interpreter_restarted");
  }

  @Test
  void deathBySignalIsReported() {
    Recording killed = agent.python("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)");
    assertThat(killed.code()).isEqualTo(137);
    assertThat(killed.reason).isEqualTo(DoneReason.CRASHED);
    Recording fault = agent.python("import ctypes\nctypes.string_at(0)");
    assertThat(fault.code()).isEqualTo(139);
  }

  @Test
  void killByTheHostIsReportedAsSuch() {
    Recording call = agent.start(ExecCommand.of(GuestLanguage.PYTHON, "while True: pass"));
    call.exec().signal(GuestSignal.KILL);
    assertThat(call.await().reason).isEqualTo(DoneReason.KILLED);
    assertThat(call.code()).isIn(130, 137);
  }

  @Test
  void stoppedInterpreterIsContinued() {
    String code = "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\nprint('went on')";
    assertThat(agent.python(code).stdout()).isEqualTo("went on\n");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "import os\nfor fd in (0, 1, 2): os.close(fd)",
        "import os, sys\nos.close(1)\nprint('into the void')",
        "import sys\nsys.stdout.close(); sys.stderr.close(); sys.stdin.close()",
        "import sys\nsys.stdout = sys.stderr = None",
        "import os\nfd = os.open('/dev/null', os.O_RDWR)\nfor to in (0, 1, 2): os.dup2(fd, to)",
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)",
        "import sys\nsys.excepthook = None\nraise ValueError",
        "import sys\ndef f(): f()\nf()",
        "import sys\nsys.setrecursionlimit(40)\ndef f(): f()\nf()",
        "import builtins, sys\nsys.modules.clear()",
        "import os, shutil\nos.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone')",
      })
  void interpreterPutsItselfRight(String code) {
    assertThat(agent.start(ExecCommand.of(GuestLanguage.PYTHON, code)).await().ended()).isTrue();
    assertThat(agent.python("print('again')").stdout()).isEqualTo("again\n");
    agent.python("import os, sys; os.chdir('/'); sys.setrecursionlimit(1000)");
    assertThat(agent.notices).isEmpty();
    agent.python("import os; os._exit(0)");
  }

  @Test
  void closingEveryDescriptorRestartsTheInterpreter() {
    Recording call = agent.python("import os\nos.closerange(0, 65536)\nprint('nobody hears')");
    assertThat(call.reason).isEqualTo(DoneReason.CRASHED);
  }

  @Test
  void writingToTheControlSocketIsHarmless() {
    agent.python("import os\nos.write(200, b'junk'); os.write(200, b'D'); os.write(200, b'R{')");
    assertThat(agent.channel().isOpen()).isTrue();
  }

  @Test
  void floodIsHeldBackByTheWindow() {
    ExecCommand command =
        ExecCommand.of(
            GuestLanguage.PYTHON,
            "import sys\nfor i in range(800): sys.stdout.write('z' * 65535 + '\\n')");
    Recording call = new Recording();
    call.acknowledging = false;
    call.attach(agent.channel().exec(command, call));
    await().until(() -> call.stdoutSize() == ExecCommand.DEFAULT_WINDOW);
    assertThat(agent.bash("echo side by side").stdout()).isEqualTo("side by side\n");
    assertThat(call.ended()).isFalse();
    assertThat(call.stdoutSize()).isEqualTo(ExecCommand.DEFAULT_WINDOW);
    call.acknowledging = true;
    call.exec().acknowledge(ExecCommand.DEFAULT_WINDOW);
    assertThat(call.await().stdoutSize()).isEqualTo(800 << 16);
    assertThat(call.outputAfterEnd).isFalse();
  }

  @Test
  void endWaitsForOutputThatHasNoCredit() {
    ExecCommand command =
        new ExecCommand(
            GuestLanguage.PYTHON,
            "import sys\nsys.stdout.write('z' * 20000 + '\\n')",
            Optional.empty(),
            Map.of(),
            false,
            false,
            4096);
    Recording call = new Recording();
    call.acknowledging = false;
    call.attach(agent.channel().exec(command, call));
    await().until(() -> call.stdoutSize() == 4096);
    assertThat(call.ended()).isFalse();
    call.acknowledging = true;
    call.exec().acknowledge(4096);
    assertThat(call.await().stdoutSize()).isEqualTo(20001);
  }

  @Test
  void longLineComesWhole() {
    assertThat(agent.python("print('q' * 20_000_000)").stdoutSize()).isEqualTo(20_000_001);
  }

  @Test
  void waitingCallsGoOnAfterACrash() {
    Recording first =
        agent.start(
            ExecCommand.of(GuestLanguage.PYTHON, "import os, time\ntime.sleep(0.2)\nos._exit(1)"));
    Recording second = agent.start(ExecCommand.of(GuestLanguage.PYTHON, "print('second')"));
    assertThat(second.await().stdout()).isEqualTo("second\n");
    assertThat(first.await().reason).isEqualTo(DoneReason.CRASHED);
  }
}
