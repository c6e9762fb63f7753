package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.python;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.podflare.client.ApiException;
import dev.podflare.client.ExecutionInfo;
import dev.podflare.client.Language;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import java.io.ByteArrayOutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** How code runs, over HTTP, in one real guest. */
@OnPlatform
@Order(40)
class ExecTest {
  private static final RunListener NOBODY = new RunListener() {};

  private final TestPlatform platform;
  private final Sandbox sandbox;

  ExecTest(TestPlatform platform) {
    this.platform = platform;
    this.sandbox = platform.create();
  }

  @AfterEach
  void delete() {
    sandbox.delete();
  }

  @Test
  void linesFramingIsTheOfficialOne() throws Exception {
    try (RawStream stream =
        RawStream.exec(
            platform,
            sandbox.id(),
            Map.of(
                "code",
                "import sys; print('a\\n\\nb'); sys.stderr.write('c'); print('ü', end='')"))) {
      List<JsonNode> events = stream.events();
      assertThat(of("stdout", events)).containsExactly("a", "", "b", "ü");
      assertThat(of("stderr", events)).containsExactly("c");
      assertThat(events).allMatch(event -> event.size() == 4 && event.get("ts").isIntegralNumber());
      assertInSequence(events);
      assertThat(events.getLast().get("type").stringValue()).isEqualTo("exit");
      assertThat(events.getLast().get("data").intValue()).isZero();
      assertThat(stream.execId()).startsWith("exe_");
    }
  }

  @Test
  void chunksFramingIsExactlyWhatWasWritten() throws Exception {
    try (RawStream stream =
        RawStream.exec(
            platform,
            sandbox.id(),
            Map.of(
                "code",
                "import os; os.write(1, b'a\\r\\n'); os.write(1, bytes([0xff, 0xfe])); {'k': 1}",
                "framing",
                "chunks"))) {
      List<JsonNode> events = stream.events();
      assertInSequence(events);
      assertThat(events.getFirst().get("type").stringValue()).isEqualTo("started");
      assertThat(events.getFirst().get("data").stringValue()).isEqualTo(stream.execId());
      ByteArrayOutputStream written = new ByteArrayOutputStream();
      for (JsonNode event : events) {
        if (event.get("type").stringValue().equals("stdout")) {
          written.writeBytes(
              event.has("data_b64")
                  ? event.get("data_b64").binaryValue()
                  : event.get("data").stringValue().getBytes(UTF_8));
        }
      }
      assertThat(written.toByteArray()).containsExactly('a', '\r', '\n', (byte) 0xff, (byte) 0xfe);
      assertThat(events)
          .anyMatch(event ->
              event.get("type").stringValue().equals("result")
                  && event.at("/data/text~1plain").asString("").equals("{'k': 1}"));
      assertThat(events.getLast().get("reason").stringValue()).isEqualTo("exited");
    }
  }

  @Test
  void stateStaysBetweenCalls() {
    python(sandbox, "import os, threading; x = [1]; f = open('/tmp/f', 'w'); os.chdir('/tmp')");
    python(sandbox, "x.append(2); f.write('kept'); f.flush()\ndef double(): return x * 2");
    assertThat(python(sandbox, "print(double(), os.getcwd(), open('f').read())"))
        .isEqualTo("[1, 2, 1, 2] /tmp kept");
  }

  @Test
  void callsEndAsPythonSays() {
    RunResult exited = sandbox.runCode("print('bye'); raise SystemExit(7)");
    assertThat(exited.exitCode()).isEqualTo(7);
    assertThat(exited.reason()).isEqualTo("exited");
    RunResult failed = sandbox.runCode("def f(): return 1 / 0\nf()");
    assertThat(failed.exitCode()).isEqualTo(1);
    assertThat(failed.stderr()).contains("Traceback", "ZeroDivisionError", "in f");
    assertThat(sandbox.runCode("if:").stderr()).contains("SyntaxError");
    assertThat(sandbox.runCode("input()").stderr()).contains("EOFError");
    RunResult killed = sandbox.runCode("kill -TERM $$", Language.BASH);
    assertThat(killed.exitCode()).isEqualTo(143);
    assertThat(sandbox.runCode("nonsuch", Language.BASH).exitCode()).isEqualTo(127);
  }

  @Test
  void aTimeoutKeepsTheState() {
    python(sandbox, "x = 'kept'");
    RunResult late =
        sandbox.run(
            RunRequest.of("import time\nwhile True: time.sleep(1)", Language.PYTHON)
                .withTimeout(Duration.ofSeconds(1)),
            NOBODY);
    assertThat(late.exitCode()).isEqualTo(124);
    assertThat(late.reason()).isEqualTo("timeout");
    assertThat(python(sandbox, "print(x)")).isEqualTo("kept");
    RunResult lateBash =
        sandbox.run(
            RunRequest.of("trap '' INT; sleep 600", Language.BASH)
                .withTimeout(Duration.ofSeconds(1)),
            NOBODY);
    assertThat(lateBash.exitCode()).isEqualTo(124);
  }

  @Test
  void whoIgnoresTheInterruptIsKilled() {
    RunResult stubborn =
        sandbox.run(
            RunRequest.of(
                    "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
                        + "while True: time.sleep(1)",
                    Language.PYTHON)
                .withTimeout(Duration.ofSeconds(1)),
            NOBODY);
    assertThat(stubborn.exitCode()).isEqualTo(124);
    assertThat(stubborn.reason()).isEqualTo("timeout");
    GuestProbe.assertUsable(sandbox);
  }

  @Test
  void runningAndQueuedCallsAreCancelled() {
    String running = sandbox.start(RunRequest.of("import time; time.sleep(600)", Language.PYTHON));
    String queued = sandbox.start(RunRequest.of("print('never')", Language.PYTHON));
    Awaitility.await()
        .atMost(TestPlatform.PATIENCE)
        .until(() -> sandbox.execution(running).state().equals("running"));
    assertThat(sandbox.execution(queued).state()).isEqualTo("queued");
    sandbox.cancel(queued);
    assertCancelled(sandbox.join(queued, 0, NOBODY), "");
    sandbox.cancel(running);
    assertCancelled(sandbox.join(running, 0, NOBODY), "");
    sandbox.cancel(running); // one that has ended: no error, no change
    assertThat(sandbox.execution(running).exitCode()).contains(130);
  }

  private static void assertCancelled(RunResult result, String stdout) {
    assertThat(result.exitCode()).isEqualTo(130);
    assertThat(result.reason()).isEqualTo("cancelled");
    assertThat(result.stdout()).isEqualTo(stdout);
  }

  @Test
  void aFullQueueRefusesAndTheRestRunsInOrder() {
    String first =
        sandbox.start(RunRequest.of("import time; order = []; time.sleep(600)", Language.PYTHON));
    List<String> queued = new ArrayList<>();
    for (int i = 0; i < 64; i++) {
      queued.add(sandbox.start(RunRequest.of("order.append(" + i + ")", Language.PYTHON)));
    }
    ApiException refused =
        catchThrowableOfType(ApiException.class, () -> sandbox.runCode("print('too many')"));
    assertThat(refused.status()).isEqualTo(429);
    assertThat(refused.code()).isEqualTo("exec_queue_full");
    assertThat(refused.retryAfter()).isPresent();
    assertThat(GuestProbe.bash(sandbox, "echo beside")).isEqualTo("beside");
    sandbox.cancel(first);
    sandbox.join(queued.getLast(), 0, NOBODY);
    assertThat(python(sandbox, "print(order == list(range(64)))")).isEqualTo("True");
    assertThat(sandbox.execs()).hasSize(67).extracting(ExecutionInfo::state).containsOnly("ended");
  }

  @Test
  void bashCallsRunSideBySideWhilePythonRuns() throws Exception {
    String python = sandbox.start(RunRequest.of("import time; time.sleep(600)", Language.PYTHON));
    // Each waits for the other: one after the other they would never end.
    String one = sandbox.start(RunRequest.of(meeting("one", "two"), Language.BASH));
    String two = sandbox.start(RunRequest.of(meeting("two", "one"), Language.BASH));
    assertThat(sandbox.join(one, 0, NOBODY).stdout()).isEqualTo("met\n");
    assertThat(sandbox.join(two, 0, NOBODY).stdout()).isEqualTo("met\n");
    assertThat(sandbox.execution(python).state()).isEqualTo("running");
    sandbox.cancel(python);
    assertThat(sandbox.join(python, 0, NOBODY).exitCode()).isEqualTo(130);
  }

  private static String meeting(String mine, String other) {
    return "touch /tmp/"
        + mine
        + "; while [ ! -e /tmp/"
        + other
        + " ]; do sleep 0.1; done; echo met";
  }

  @Test
  void folderAndVariablesAreOfOneCall() {
    RunRequest request =
        RunRequest.of("import os; print(os.getcwd(), os.environ['A'])", Language.PYTHON)
            .withCwd("/usr")
            .withEnv(Map.of("A", "ä b"));
    assertThat(sandbox.run(request, NOBODY).stdout()).isEqualTo("/usr ä b\n");
    assertThat(python(sandbox, "import os; print(os.getcwd() != '/usr', 'A' in os.environ)"))
        .isEqualTo("True False");
    RunRequest bash =
        RunRequest.of("echo $PWD $A", Language.BASH).withCwd("/usr").withEnv(Map.of("A", "b"));
    assertThat(sandbox.run(bash, NOBODY).stdout()).isEqualTo("/usr b\n");
    RunResult nowhere =
        sandbox.run(RunRequest.of("print(1)", Language.PYTHON).withCwd("/nowhere"), NOBODY);
    assertThat(nowhere.exitCode()).isNotZero();
    assertThat(nowhere.stderr()).contains("/nowhere");
  }

  private static List<String> of(String type, List<JsonNode> events) {
    return events.stream()
        .filter(event -> event.get("type").stringValue().equals(type))
        .map(event -> event.get("data").stringValue())
        .toList();
  }

  private static void assertInSequence(List<JsonNode> events) {
    for (int i = 0; i < events.size(); i++) {
      assertThat(events.get(i).get("seq").intValue()).isEqualTo(i);
    }
  }
}
