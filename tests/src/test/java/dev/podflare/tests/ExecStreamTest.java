package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.Language;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.server.testing.Answer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/** Streams that are left, joined again, fed, and silent. */
@OnPlatform
@Order(41)
class ExecStreamTest {
  private static final RunListener NOBODY = new RunListener() {};

  private final TestPlatform platform;
  private final Sandbox sandbox;

  ExecStreamTest(TestPlatform platform) {
    this.platform = platform;
    this.sandbox = platform.create();
  }

  @AfterEach
  void delete() {
    sandbox.delete();
  }

  @Test
  void workInTheBackgroundIsJoinedWhereItIsWanted() throws Exception {
    String exec =
        sandbox.start(
            RunRequest.of(
                "import time\nfor i in range(20): print(i, flush=True); time.sleep(0.1)",
                Language.PYTHON));
    List<JsonNode> whole;
    try (RawStream stream = RawStream.join(platform, sandbox.id(), exec, 0)) {
      assertThat(stream.event().get("type").stringValue()).isEqualTo("started");
      whole = new ArrayList<>(stream.events());
    }
    StringBuilder text = new StringBuilder();
    whole.stream()
        .filter(e -> e.get("type").stringValue().equals("stdout"))
        .forEach(e -> text.append(e.get("data").stringValue()));
    assertThat(text.toString().lines().count()).isEqualTo(20);
    JsonNode fifth = whole.get(4);
    try (RawStream again =
        RawStream.join(platform, sandbox.id(), exec, fifth.get("seq").longValue())) {
      assertThat(again.events()).isEqualTo(whole.subList(4, whole.size()));
    }
    try (RawStream beyond = RawStream.join(platform, sandbox.id(), exec, 1_000_000)) {
      assertThat(beyond.status()).isEqualTo(200);
      assertThat(beyond.events()).isEmpty();
    }
    Answer nothing =
        platform.api.get("/v1/sandboxes/" + sandbox.id() + "/execs/exe_" + "0".repeat(32));
    assertThat(nothing.status()).isEqualTo(404);
  }

  @Test
  void replayHasTheEventsOfAllExecutions() {
    sandbox.runCode("print('first')");
    sandbox.runCode("echo second", Language.BASH);
    Answer replay = platform.api.get("/v1/sandboxes/" + sandbox.id() + "/replay");
    assertThat(replay.text()).contains("first", "second", "\"exec_id\":\"exe_");
    assertThat(replay.text().lines().filter(line -> line.contains("\"exit\""))).hasSize(2);
  }

  @Test
  void standardInputIsGivenAtOnceOrInPieces() throws Exception {
    RunResult sorted =
        sandbox.run(RunRequest.of("sort", Language.BASH).withStdin("b\na\n"), NOBODY);
    assertThat(sorted.stdout()).isEqualTo("a\nb\n");
    assertThat(sandbox.runCode("cat; echo end", Language.BASH).stdout()).isEqualTo("end\n");
    try (RawStream cat =
        RawStream.exec(
            platform,
            sandbox.id(),
            Map.of("code", "cat", "language", "bash", "stdin_open", true))) {
      String path = "/v1/sandboxes/" + sandbox.id() + "/execs/" + cat.execId() + "/stdin";
      assertThat(platform.api.post(path, "{\"data\":\"one\\n\"}").status()).isEqualTo(204);
      assertThat(cat.event().get("data").stringValue()).isEqualTo("one");
      assertThat(platform.api.post(path, "{\"data_b64\":\"dHdvCg==\",\"eof\":true}").status())
          .isEqualTo(204);
      assertThat(cat.event().get("data").stringValue()).isEqualTo("two");
      assertThat(cat.event().get("type").stringValue()).isEqualTo("exit");
      Answer closed = platform.api.post(path, "{\"data\":\"x\"}");
      assertThat(closed.status()).isEqualTo(409);
      assertThat(closed.text()).contains("stdin_closed");
    }
  }

  @Test
  void aSilentStreamCarriesBlankLines() throws Exception {
    try (RawStream stream =
        RawStream.exec(
            platform,
            sandbox.id(),
            Map.of("code", "import time; print('on', flush=True); time.sleep(13)"))) {
      List<String> lines = new ArrayList<>();
      for (Optional<String> line = stream.line(); line.isPresent(); line = stream.line()) {
        lines.add(line.get());
      }
      assertThat(lines.getFirst()).contains("on");
      assertThat(lines.getLast()).contains("exit");
      assertThat(lines.subList(1, lines.size() - 1)).containsExactly("");
    }
  }

  @Test
  void workGoesOnWhenTheCallerIsGone() throws Exception {
    String exec;
    try (RawStream stream =
        RawStream.exec(
            platform,
            sandbox.id(),
            Map.of(
                "code",
                "import time\nfor i in range(30): print(i, flush=True); time.sleep(0.1)\ndone = 1",
                "framing",
                "chunks"))) {
      exec = stream.execId();
      stream.event();
    }
    RunResult result = sandbox.join(exec, 0, NOBODY);
    assertThat(result.exitCode()).isZero();
    assertThat(result.stdout().lines().count()).isEqualTo(30);
    assertThat(GuestProbe.python(sandbox, "print(done)")).isEqualTo("1");
  }

  @Test
  void workEndsWithItsCallerIfAsked() throws Exception {
    String exec;
    try (RawStream stream =
        RawStream.exec(
            platform,
            sandbox.id(),
            Map.of(
                "code",
                "print('on', flush=True)\nimport time; time.sleep(600)",
                "cancel_on_disconnect",
                true))) {
      exec = stream.execId();
      assertThat(stream.event().get("data").stringValue()).isEqualTo("on");
    }
    Awaitility.await()
        .atMost(TestPlatform.PATIENCE)
        .until(() -> sandbox.execution(exec).state().equals("ended"));
    assertThat(sandbox.execution(exec).reason()).contains("cancelled");
    assertThat(sandbox.execution(exec).exitCode()).contains(130);
  }
}
