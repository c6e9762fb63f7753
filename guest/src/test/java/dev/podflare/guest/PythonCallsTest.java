package dev.podflare.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;

/** What Python code may expect of the interpreter, and what it cannot do to it. */
@TestInstance(Lifecycle.PER_CLASS)
class PythonCallsTest {
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
  void interpreterIsInOrder() {
    assertThat(agent.python("print('in order')").stdout()).isEqualTo("in order\n");
  }

  @Test
  void stateStays() {
    agent.python("import os, threading\nx = 1\nos.chdir('/usr')\nf = open('/dev/null')");
    Recording next = agent.python("x += 1\nprint(x, f.closed, os.getcwd(), __name__)");
    assertThat(next.stdout()).isEqualTo("2 False /usr __main__\n");
    assertThat(agent.python("import __main__\nprint(__main__.x)").stdout()).isEqualTo("2\n");
  }

  @Test
  void tracebackShowsUserFramesWithTheirSource() {
    Recording call = agent.python("def f():\n  return 1 / 0\nf()");
    assertThat(call.code()).isEqualTo(1);
    assertThat(call.reason).isEqualTo(DoneReason.EXITED);
    assertThat(call.stderr())
        .startsWith("Traceback (most recent call last):\n  File \"<call ")
        .contains("    return 1 / 0\n")
        .endsWith("ZeroDivisionError: division by zero\n")
        .doesNotContain("podflare");
    assertThat(agent.python("f()").stderr()).contains("    return 1 / 0\n");
    assertThat(agent.python("x = = 1").stderr()).contains("SyntaxError").doesNotContain("podflare");
  }

  @Test
  void systemExitEndsTheCallWithItsCode() {
    assertThat(agent.python("import sys; sys.exit(3)").code()).isEqualTo(3);
    assertThat(agent.python("raise SystemExit").code()).isZero();
    assertThat(agent.python("exit(4)").code()).isEqualTo(4);
    Recording text = agent.python("sys.exit('bye')");
    assertThat(text.code()).isEqualTo(1);
    assertThat(text.stderr()).isEqualTo("bye\n");
    assertThat(agent.notices).isEmpty();
  }

  @Test
  void inputIsAtItsEndAtOnce() {
    assertThat(agent.python("input()").stderr()).endsWith("EOFError: EOF when reading a line\n");
  }

  @Test
  void outputOfAllKindsComesInOrderAndBeforeTheEnd() {
    Recording call =
        agent.python(
            """
            import os, subprocess
            print('a'); os.write(1, b'b\\n'); subprocess.run('echo c', shell=True)
            print('d', end='')
            print('é \\ud800', file=__import__('sys').stderr)\
            """);
    assertThat(call.stdout()).isEqualTo("a\nb\nc\nd");
    assertThat(call.stderr()).isEqualTo("é \\ud800\n");
    assertThat(call.outputAfterEnd).isFalse();
  }

  @Test
  void outputStreamsWhileTheCallRuns() {
    Recording call =
        agent.start(
            ExecCommand.of(
                GuestLanguage.PYTHON, "import time\nprint('now')\nwhile True: time.sleep(0.01)"));
    await().until(() -> call.stdout().equals("now\n"));
    assertThat(call.ended()).isFalse();
    call.exec().signal(GuestSignal.INT);
    assertThat(call.await().code()).isEqualTo(130);
    assertThat(call.stderr()).endsWith("KeyboardInterrupt\n").doesNotContain("podflare");
  }

  @Test
  void interruptsAroundTheEndOfCallsHitNothing() {
    for (int i = 0; i < 100; i++) {
      Recording call =
          agent.start(ExecCommand.of(GuestLanguage.PYTHON, "for i in range(300): pass"));
      call.exec().signal(GuestSignal.INT);
      assertThat(call.await().code()).isIn(0, 130);
    }
    assertThat(agent.notices).isEmpty();
  }

  @Test
  void anInterruptBeforeTheCodeBeginsIsNotLost() {
    Recording first = agent.python("kept = 'kept'");
    assertThat(first.code()).isZero();
    for (int i = 0; i < 100; i++) {
      Recording call =
          agent.start(ExecCommand.of(GuestLanguage.PYTHON, "import time\ntime.sleep(1000)"));
      call.exec().signal(GuestSignal.INT);
      assertThat(call.await().code()).isEqualTo(130);
    }
    assertThat(agent.python("print(kept)").stdout()).isEqualTo("kept\n");
    assertThat(agent.notices).isEmpty();
  }

  /** Python sees it when the call has ended: 1,000 seconds later, were it not nudged. */
  @Test
  void anInterruptOnTheWayIntoASystemCallIsNotLost() {
    Recording call =
        agent.start(
            ExecCommand.of(
                GuestLanguage.PYTHON,
                """
                import ctypes, operator, signal, time
                interrupt = [signal.SIGINT]
                signal.pthread_sigmask(signal.SIG_BLOCK, interrupt)
                print("ready")
                signal.sigwait(interrupt)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, interrupt)
                # All in C: the signal is raised and the sleep begun without an instruction of Python's in between.
                list(map(operator.call, [ctypes.PyDLL(None)["raise"], time.sleep], [signal.SIGINT, 1000]))
                """));
    await().until(() -> call.stdout().equals("ready\n"));
    call.exec().signal(GuestSignal.INT);
    assertThat(call.await().code()).isEqualTo(130);
    assertThat(agent.notices).isEmpty();
  }

  @Test
  void callsAboutAsLongAsTheLeaseEndOnceAndWhole() {
    for (int i = 0; i < 60; i++) {
      double seconds = 0.0085 + i * 0.00005;
      Recording call =
          agent.python("import time; print('a'); time.sleep(" + seconds + "); print('b' * 3000)");
      assertThat(call.stdout()).isEqualTo("a\n" + "b".repeat(3000) + "\n");
      assertThat(call.code()).isZero();
    }
  }

  @Test
  void shortCallWithMuchToSaySendsAllOfIt() {
    Recording call = withResult("print('x' * 40_000)\n'y' * 40_000");
    assertThat(call.stdout()).hasSize(40_001);
    assertThat(call.result.get("text/plain")).hasSize(40_002);
    assertThat(withResult("'y' * 40_000").result.get("text/plain")).hasSize(40_002);
    assertThat(agent.python("print('x' * 40_000)").stdout()).hasSize(40_001);
  }

  @Test
  void userCodeMayUseEveryProcessor() {
    // A call that is refused before it runs once left the interpreter bound to one processor.
    inFolder("/nowhere", "print(1)");
    Recording call = agent.python("import os; print(len(os.sched_getaffinity(0)))");
    assertThat(call.stdout().strip()).isEqualTo(agent.bash("nproc").stdout().strip());
  }

  @Test
  void lastExpressionIsTheResult() {
    assertThat(withResult("x = [1]\nx * 2").result).isEqualTo(Map.of("text/plain", "[1, 1]"));
    assertThat(withResult("_[0] + 5").result).isEqualTo(Map.of("text/plain", "6"));
    assertThat(withResult("None").result).isEmpty();
    assertThat(withResult("'é' * 900_000").result.get("text/plain"))
        .hasSizeGreaterThan(300_000)
        .startsWith("'éé");
    Recording bad = withResult("class A:\n  def __repr__(self): raise ValueError('no')\nA()");
    assertThat(bad.stderr()).endsWith("ValueError: no\n");
    assertThat(bad.code()).isEqualTo(1);
  }

  @Test
  void topLevelAwaitWorks() {
    Recording call = withResult("import asyncio\nawait asyncio.sleep(0.01, 7)");
    assertThat(call.result).isEqualTo(Map.of("text/plain", "7"));
    Recording error = agent.python("await asyncio.sleep(0)\n1 / 0");
    assertThat(error.stderr()).endsWith("ZeroDivisionError: division by zero\n");
    assertThat(error.stderr()).doesNotContain("asyncio/");
  }

  @Test
  void magicsWorkInTheSameNamespace() {
    Recording available = agent.python("import IPython");
    Assumptions.assumeTrue(available.code() == 0, "IPython is not installed");
    assertThat(agent.python("who = 'shell'\n!echo hello {who}").stdout())
        .isEqualTo("hello shell\n");
    assertThat(agent.python("%nosuchmagic").code()).isEqualTo(1);
    assertThat(agent.python("%%bash\necho cell").stdout()).isEqualTo("cell\n");
    assertThat(agent.python("exit(5)").code()).isEqualTo(5);
  }

  @Test
  void folderAndVariablesOfACallLastForThatCall() {
    String show = "import os; print(os.getcwd(), os.environ.get('WHO'))";
    ExecCommand command =
        new ExecCommand(
            GuestLanguage.PYTHON,
            show,
            Optional.of("/usr/lib"),
            Map.of("WHO", "me"),
            false,
            false,
            ExecCommand.DEFAULT_WINDOW);
    agent.python("os = __import__('os'); os.chdir('/')");
    assertThat(agent.start(command).await().stdout()).isEqualTo("/usr/lib me\n");
    assertThat(agent.python(show).stdout()).isEqualTo("/ None\n");
  }

  @Test
  void variablesOfTheSandboxAreThereInEachCallAndBetweenThem() {
    String show = "import os; print([os.environ.get(name) for name in ('ONE', 'TWO', 'THREE')])";
    agent.channel().sendVariables(Map.of("ONE", "1", "TWO", "2 ♥"));
    assertThat(agent.python(show).stdout()).isEqualTo("['1', '2 ♥', None]\n");
    agent.python("os.environ['TWO'] = 'mine'; os.environ['THREE'] = '3'");
    assertThat(
            agent
                .python("import subprocess; print(subprocess.getoutput('echo $ONE $TWO'))")
                .stdout())
        .isEqualTo("1 mine\n");

    agent.channel().sendVariables(Map.of());
    assertThat(agent.python(show).stdout())
        .as("what the user set is the user's")
        .isEqualTo("[None, 'mine', '3']\n");
    agent.python("del os.environ['TWO'], os.environ['THREE']");
  }

  @Test
  void variablesAreTheCallsOwnFirst() {
    agent.channel().sendVariables(Map.of("WHO", "sandbox"));
    String show = "import os; print(os.environ['WHO'])";
    ExecCommand command =
        new ExecCommand(
            GuestLanguage.PYTHON,
            show,
            Optional.empty(),
            Map.of("WHO", "call"),
            false,
            false,
            ExecCommand.DEFAULT_WINDOW);
    assertThat(agent.start(command).await().stdout()).isEqualTo("call\n");
    assertThat(agent.python(show).stdout()).isEqualTo("sandbox\n");
    agent.channel().sendVariables(Map.of());
  }

  @Test
  void variablesComeInOrderWithCallsAndOutliveTheInterpreter() {
    agent.channel().sendVariables(Map.of("TURN", "first"));
    String show = "import os, time; time.sleep(0.2); print(os.environ.get('TURN'))";
    Recording first = agent.start(ExecCommand.of(GuestLanguage.PYTHON, show));
    agent.channel().sendVariables(Map.of("TURN", "x".repeat(200_000)));
    Recording second =
        agent.start(ExecCommand.of(GuestLanguage.PYTHON, "print(len(os.environ['TURN']))"));
    assertThat(first.await().stdout()).isEqualTo("first\n");
    assertThat(second.await().stdout()).isEqualTo("200000\n");
    assertThat(agent.folder.toFile().list()).doesNotContain("variables");

    assertThat(agent.python("import os; os._exit(7)").reason).isEqualTo(DoneReason.CRASHED);
    assertThat(agent.python("import os; print(len(os.environ['TURN']))").stdout())
        .isEqualTo("200000\n");
    agent.notices.clear();
    agent.channel().sendVariables(Map.of());
  }

  @Test
  void aRehearsalLeavesNothingAndDisturbsNobody() {
    agent.python("import io, sys; _ = 41; print = lambda *all: sys.stderr.write(repr(all))");
    String names = "sys.stdout.write(repr(sorted(globals())) + str(_))";
    String before = agent.python(names).stdout();
    agent.channel().rehearse(HostAgent.PATIENCE);
    assertThat(agent.python(names).stdout()).isEqualTo(before).contains("41");
    agent.python("del print, _");

    Recording busy =
        agent.start(ExecCommand.of(GuestLanguage.PYTHON, "import time; time.sleep(0.3)"));
    agent.channel().rehearse(HostAgent.PATIENCE);
    assertThat(busy.await().code()).isZero();
    assertThat(agent.python("print(1)").stdout()).isEqualTo("1\n");
    assertThat(agent.notices).isEmpty();
  }

  @Test
  void missingFolderIsToldAndNothingRuns() {
    Recording call = inFolder("/nowhere", "print(1)");
    assertThat(call.code()).isEqualTo(1);
    assertThat(call.stdout()).isEmpty();
    assertThat(call.stderr()).contains("No such file or directory: '/nowhere'");
  }

  @Test
  void largeCodeRuns() {
    Recording call = agent.python("x = '" + "y".repeat(5 << 20) + "'\nprint(len(x))");
    assertThat(call.stdout()).isEqualTo((5 << 20) + "\n");
    assertThat(agent.folder.toFile().list()).noneMatch(name -> name.startsWith("call-"));
  }

  @Test
  void threadsMayWriteBetweenCalls() {
    agent.python(
        """
        import threading, time
        threading.Thread(target=lambda: (time.sleep(0.2), print('stray one'))).start()\
        """);
    await().until(() -> String.join("", agent.stray).contains("stray one\n"));
  }

  @Test
  void processesOfUserCodeWork() {
    Recording call =
        agent.python(
            """
            import multiprocessing
            with multiprocessing.get_context('fork').Pool(2) as pool:
                print(pool.map(abs, [-1, -2]))\
            """);
    assertThat(call.stderr()).isEmpty();
    assertThat(call.stdout()).isEqualTo("[1, 2]\n");
  }

  @Test
  void forkedChildNeverSpeaksForTheCall() {
    Recording call =
        agent.python(
            """
            import os
            pid = os.fork()
            if pid: print('child said', os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
            else: raise SystemExit(7)\
            """);
    assertThat(call.stdout()).isEqualTo("child said 7\n");
    assertThat(call.code()).isZero();
  }

  private Recording inFolder(String folder, String code) {
    ExecCommand command =
        new ExecCommand(
            GuestLanguage.PYTHON, code, Optional.of(folder), Map.of(), false, false, 4096);
    return agent.start(command).await();
  }

  private Recording withResult(String code) {
    ExecCommand command =
        new ExecCommand(
            GuestLanguage.PYTHON,
            code,
            Optional.empty(),
            Map.of(),
            false,
            true,
            ExecCommand.DEFAULT_WINDOW);
    return agent.start(command).await();
  }
}
