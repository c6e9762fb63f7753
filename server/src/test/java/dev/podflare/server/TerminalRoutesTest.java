package dev.podflare.server;

import static dev.podflare.server.testing.ApiClient.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.podflare.engine.TerminalEnd;
import dev.podflare.engine.TerminalRequest;
import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.ApiClient;
import dev.podflare.server.testing.FakeTerminal;
import dev.podflare.server.testing.RawHttp;
import dev.podflare.server.testing.TestServer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Terminals over plain HTTP, as the official client uses them and beyond. */
class TerminalRoutesTest {
  @TempDir Path folder;
  private TestServer test;
  private ApiClient api;
  private String all;

  @BeforeEach
  void start() {
    test = TestServer.start(folder);
    api = test.admin;
    all = "/v1/sandboxes/" + api.create() + "/pty";
  }

  @AfterEach
  void stop() {
    test.close();
  }

  private FakeTerminal open(String body) {
    Answer answer = api.post(all, body);
    assertThat(answer.status()).as(answer.text()).isEqualTo(200);
    assertThat(json(answer).get("exit_code").isNull()).isTrue();
    return test.engine.onlyTerminal();
  }

  private String one(FakeTerminal terminal) {
    return all + "/" + terminal.id();
  }

  private static List<JsonNode> lines(Answer answer) {
    return answer
        .text()
        .lines()
        .filter(line -> !line.isEmpty())
        .map(JsonMapper.shared()::readTree)
        .toList();
  }

  @Test
  void aTerminalIsAStreamFromReadyToExit() throws Exception {
    Thread typist =
        Thread.ofVirtual()
            .start(() -> {
              await().until(() -> json(api.get(all)).size() == 1);
              FakeTerminal terminal = test.engine.onlyTerminal();
              await().until(() -> terminal.viewers() == 1);
              api.post(one(terminal) + "/input", "{\"data_b64\":\"aGkK\"}");
              api.post(one(terminal) + "/resize", "{\"cols\":100,\"rows\":40}");
              api.post(one(terminal) + "/input", "{\"data_b64\":\"ZXhpdA==\"}");
            });
    Answer answer =
        api.post(
            all,
            """
            {"shellCmd":"bash","cols":90,"rows":30,"env":[["A","b"],["C",""]],"cwd":"/tmp"}
            """);
    typist.join();
    assertThat(answer.mediaType()).isEqualTo("application/x-ndjson");
    List<JsonNode> lines = lines(answer);
    FakeTerminal terminal = test.engine.onlyTerminal();
    assertThat(lines.getFirst().toString())
        .isEqualTo("{\"type\":\"pty_ready\",\"session_id\":\"" + terminal.id() + "\"}");
    assertThat(lines.getLast().toString()).isEqualTo("{\"type\":\"pty_exit\",\"data\":3}");
    StringBuilder text = new StringBuilder();
    long next = 0;
    for (JsonNode line : lines.subList(1, lines.size() - 1)) {
      assertThat(line.get("type").stringValue()).isEqualTo("pty_data");
      assertThat(line.get("seq").longValue()).isEqualTo(next);
      byte[] bytes = line.get("data_b64").binaryValue();
      next += bytes.length;
      text.append(new String(bytes, java.nio.charset.StandardCharsets.UTF_8));
    }
    assertThat(text.toString()).isEqualTo("hi\n100x40exit");
    assertThat(terminal.request())
        .isEqualTo(
            TerminalRequest.ofShell(
                "bash", 90, 30, Map.of("A", "b", "C", ""), Optional.of("/tmp")));
    assertThat(terminal.request().argv()).containsExactly("/bin/bash", "-lc", "bash");
    await().until(() -> terminal.viewers() == 0);
  }

  @Test
  void theListHasTheFieldsOfTheOfficialClient() {
    FakeTerminal terminal = open("{\"argv\":[\"vi\",\"a b\"],\"attach\":false}");
    JsonNode record = json(api.get(all)).get(0);
    assertThat(record.get("pty_id").stringValue()).isEqualTo(terminal.id());
    assertThat(record.get("cmd_label").stringValue()).isEqualTo("vi a b");
    assertThat(record.get("created_at_ms").longValue()).isZero();
    assertThat(record.get("exit_code").isNull()).isTrue();
    terminal.end(new TerminalEnd.Exited(5));
    assertThat(json(api.get(all)).get(0).get("exit_code").intValue()).isEqualTo(5);
  }

  @Test
  void attachReplaysThenFollowsAndHasNoReady() {
    FakeTerminal terminal = open("{\"attach\":false,\"env\":{\"A\":\"b\"}}");
    assertThat(terminal.request().argv()).containsExactly("/bin/bash", "-l");
    terminal.print("before");
    terminal.end(new TerminalEnd.Lost("the sandbox was closed: it was idle for too long"));
    List<JsonNode> lines = lines(api.get(one(terminal) + "/attach"));
    assertThat(lines).hasSize(2);
    assertThat(lines.get(0).get("data_b64").binaryValue()).asString().isEqualTo("before");
    assertThat(lines.get(1).toString())
        .isEqualTo(
            "{\"type\":\"pty_error\","
                + "\"message\":\"the sandbox was closed: it was idle for too long\"}");
    Answer read = api.post(one(terminal) + "/read", "{\"since_seq\":6}");
    assertThat(read.status()).isEqualTo(409);
    assertThat(json(read).get("code").stringValue()).isEqualTo("pty_closed");
  }

  @Test
  void readGivesWhatIsThereAndWaitsForMore() {
    FakeTerminal terminal = open("{\"attach\":false}");
    terminal.print("0123456789");
    JsonNode first = json(api.post(one(terminal) + "/read", "{\"max_bytes\":4}"));
    assertThat(first.get("data_b64").binaryValue()).asString().isEqualTo("0123");
    assertThat(first.get("next_seq").intValue()).isEqualTo(4);
    assertThat(first.get("truncated").booleanValue()).isFalse();
    Thread.ofVirtual()
        .start(() -> {
          await().pollDelay(Duration.ofMillis(100)).until(() -> true);
          terminal.print("more");
          terminal.end(new TerminalEnd.Exited(0));
        });
    JsonNode more =
        json(api.post(one(terminal) + "/read", "{\"since_seq\":10,\"timeout_ms\":20000}"));
    assertThat(more.get("data_b64").binaryValue()).asString().isEqualTo("more");
    JsonNode last =
        json(api.post(one(terminal) + "/read", "{\"since_seq\":14,\"timeout_ms\":20000}"));
    assertThat(last.get("exit_code").intValue()).isZero();
    assertThat(last.get("next_seq").intValue()).isEqualTo(14);
  }

  @Test
  void silenceCarriesEmptyLinesAndAGoneViewerIsFound() throws Exception {
    FakeTerminal terminal = open("{\"attach\":false}");
    try (RawHttp raw = new RawHttp(test.uri(), Duration.ofSeconds(10))) {
      raw.send(
          "GET "
              + one(terminal)
              + "/attach HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
              + test.server.newAdminKey().orElseThrow()
              + "\r\n\r\n");
      await().until(() -> terminal.viewers() == 1);
    }
    await().atMost(Duration.ofSeconds(20)).until(() -> terminal.viewers() == 0);
  }

  @Test
  void whatMakesNoSenseIsRefused() {
    for (String body :
        List.of(
            "{\"shellCmd\":\"a\",\"argv\":[\"b\"]}",
            "{\"argv\":\"b\"}",
            "{\"cols\":0}",
            "{\"env\":[[\"A\"]]}",
            "{\"env\":[[\"A\",1]]}",
            "{\"env\":[[\"A=\",\"b\"]]}",
            "{\"env\":[\"A\"]}",
            "{\"cwd\":\"\"}",
            "{\"attach\":1}")) {
      Answer answer = api.post(all, body);
      assertThat(answer.status()).as(body).isEqualTo(400);
      assertThat(json(answer).get("code").stringValue()).as(body).isEqualTo("invalid_field");
    }
    FakeTerminal terminal = open("{\"attach\":false}");
    for (String call :
        List.of(
            "input {}",
            "input {\"data_b64\":\"x\"}",
            "input {\"data_b64\":\"" + "A".repeat(2 << 20) + "\"}",
            "resize {\"cols\":80}",
            "resize {\"cols\":80,\"rows\":0}",
            "read {\"since_seq\":-1}",
            "read {\"since_seq\":9223372036854775808}",
            "read {\"since_seq\":1e300}",
            "read {\"timeout_ms\":30001}")) {
      String[] parts = call.split(" ", 2);
      Answer answer = api.post(one(terminal) + "/" + parts[0], parts[1]);
      assertThat(answer.status()).as(call).isEqualTo(400);
    }
    assertThat(api.post(all + "/pty_0/kill", "").status()).isEqualTo(404);
    terminal.kill();
    assertThat(api.post(one(terminal) + "/kill", "").status()).isEqualTo(204);
    assertThat(api.post(one(terminal) + "/input", "{\"data_b64\":\"aGkK\"}").status())
        .isEqualTo(409);
  }
}
