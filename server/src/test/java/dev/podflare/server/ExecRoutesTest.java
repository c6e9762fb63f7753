package dev.podflare.server;

import static dev.podflare.server.testing.ApiClient.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.podflare.engine.ExecEvent;
import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.ApiClient;
import dev.podflare.server.testing.FakeExecution;
import dev.podflare.server.testing.RawHttp;
import dev.podflare.server.testing.TestServer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class ExecRoutesTest {
  @TempDir Path folder;
  private TestServer test;
  private ApiClient api;
  private String sandbox;

  @BeforeEach
  void start() {
    test = TestServer.start(folder);
    api = test.admin;
    sandbox = "/v1/sandboxes/" + api.create();
  }

  @AfterEach
  void stop() {
    test.close();
  }

  @Test
  void linesAreStreamedWithTheFourKeys() {
    Answer answer = api.post(sandbox + "/exec", "{\"code\":\"42 é\"}");
    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.mediaType()).isEqualTo("application/x-ndjson");
    assertThat(answer.header("x-exec-id")).contains(test.engine.lastExecution().id());
    List<JsonNode> events = events(answer);
    assertThat(events).hasSize(2);
    assertThat(events.get(0).propertyNames()).containsExactly("type", "data", "seq", "ts");
    assertThat(events.get(0).get("data").stringValue()).isEqualTo("42 é");
    assertThat(events.get(1).get("type").stringValue()).isEqualTo("exit");
    assertThat(events.get(1).get("data").intValue()).isZero();
    assertThat(events.get(1).propertyNames()).containsExactly("type", "data", "seq", "ts");
    await().until(() -> test.engine.lastExecution().openStreams() == 0);
  }

  @Test
  void chunksCarryBytesResultsAndAReason() {
    FakeExecution execution = background("{\"code\":\"#hold\",\"framing\":\"chunks\"");
    execution.print("half a li");
    execution.print(new byte[] {'a', (byte) 0xff});
    execution.result(Map.of("text/plain", "\ud800lone", "text/html", "<b>"));
    execution.printError("trouble\n");
    execution.exit(1, ExecEvent.Reason.CRASHED);
    List<JsonNode> events = events(api.get(sandbox + "/execs/" + execution.id() + "/stream"));
    assertThat(events)
        .extracting(event -> event.get("seq").intValue())
        .containsExactly(0, 1, 2, 3, 4, 5);
    assertThat(events.get(0).get("data").stringValue()).isEqualTo(execution.id());
    assertThat(events.get(1).get("data").stringValue()).isEqualTo("half a li");
    assertThat(events.get(2).get("data_b64").stringValue()).isEqualTo("Yf8=");
    assertThat(events.get(3).get("data").get("text/plain").stringValue()).isEqualTo("?lone");
    assertThat(events.get(4).get("type").stringValue()).isEqualTo("stderr");
    assertThat(events.get(5).get("reason").stringValue()).isEqualTo("crashed");
  }

  @Test
  void valuesSayWhatTheyAreAndJsonIsJson() {
    FakeExecution execution = background("{\"code\":\"#hold\",\"framing\":\"chunks\"");
    execution.result(
        ExecEvent.Shown.DISPLAY,
        Map.of("application/json", "[1,{\"a\":null}]", "x/y+json", "{bad", "a/b+json", "1 2"));
    execution.result(
        ExecEvent.Shown.EXCEPTION,
        Map.of("application/json", "{\"name\":\"E\",\"value\":\"v\",\"frames\":[]}"));
    execution.exit(1, ExecEvent.Reason.EXITED);
    List<JsonNode> events = events(api.get(sandbox + "/execs/" + execution.id() + "/stream"));
    assertThat(events.get(1).get("kind").stringValue()).isEqualTo("display");
    assertThat(events.get(1).get("data").get("application/json").toString())
        .isEqualTo("[1,{\"a\":null}]");
    assertThat(events.get(1).get("data").get("x/y+json").stringValue()).isEqualTo("{bad");
    assertThat(events.get(1).get("data").get("a/b+json").stringValue()).isEqualTo("1 2");
    assertThat(events.get(2).get("type").stringValue()).isEqualTo("exception");
    assertThat(events.get(2).get("data").get("name").stringValue()).isEqualTo("E");
  }

  @Test
  void brokenTextInLinesIsReplaced() {
    FakeExecution execution = background("{\"code\":\"#hold\"");
    execution.print(new byte[] {'a', (byte) 0xff});
    execution.exit(0, ExecEvent.Reason.EXITED);
    List<JsonNode> events = events(api.get(sandbox + "/execs/" + execution.id() + "/stream"));
    assertThat(events.getFirst().get("data").stringValue()).isEqualTo("a\ufffd");
  }

  /** httpx, and with it the official client, takes more than a newline for the end of a line. */
  @Test
  void noLineHoldsWhatAReaderMayTakeForItsEnd() {
    String text = "a\u2028b\u2029c\u0085d\u000be\u000cf\u001cg\u001dh\u001ei\rj é€🎉";
    FakeExecution execution = background("{\"code\":\"#hold\"");
    execution.print(text);
    execution.exit(0, ExecEvent.Reason.EXITED);
    Answer answer = api.get(sandbox + "/execs/" + execution.id() + "/stream");
    assertThat(answer.text().strip())
        .doesNotContainPattern("[\\u2028\\u2029\\x85\\x00-\\x09\\x0b-\\x1f]");
    assertThat(events(answer).getFirst().get("data").stringValue()).isEqualTo(text);
  }

  @Test
  void everyFieldReachesTheEngine() {
    api.post(
        sandbox + "/exec",
        """
        {"code":"cat","language":"bash","framing":"chunks","timeout_seconds":3,"cwd":"/tmp",
         "env":{"A":"b"},"stdin":"in","stdin_open":true,"cancel_on_disconnect":true}
        """);
    var request = test.engine.lastExecution().request();
    assertThat(request)
        .isEqualTo(
            new dev.podflare.engine.ExecRequest(
                "cat",
                dev.podflare.engine.ExecRequest.Language.BASH,
                dev.podflare.engine.ExecRequest.Framing.CHUNKS,
                java.util.Optional.of(Duration.ofSeconds(3)),
                java.util.Optional.of("/tmp"),
                Map.of("A", "b"),
                java.util.Optional.of("in"),
                true,
                false,
                true,
                java.util.Optional.empty()));
  }

  @Test
  void wrongCallsAreRefused() {
    Map<String, String> wrong =
        Map.of(
            "{}", "invalid_field",
            "{\"code\":1}", "invalid_field",
            "{\"code\":\"x\",\"language\":\"ruby\"}", "language_not_available",
            "{\"code\":\"x\",\"framing\":\"words\"}", "invalid_field",
            "{\"code\":\"x\",\"stdin\":\"y\"}", "invalid_field",
            "{\"code\":\"x\",\"cwd\":\"a\\u0000b\"}", "invalid_field",
            "{\"code\":\"\\udfff\"}", "invalid_field");
    wrong.forEach((body, code) -> {
      Answer refused = api.post(sandbox + "/exec", body);
      assertThat(refused.status()).as(body).isEqualTo(400);
      assertThat(json(refused).get("code").stringValue()).as(body).isEqualTo(code);
    });
    assertThat(json(api.get(sandbox + "/execs")).get("execs")).isEmpty();
    assertThat(api.get(sandbox + "/execs/exe_no").status()).isEqualTo(404);
    assertThat(api.get(sandbox + "/execs/exe_no/stream?from_seq=-1").status()).isEqualTo(400);
  }

  @Test
  void anExecutionIsFollowedFedAndCancelled() {
    FakeExecution execution =
        background("{\"code\":\"#hold\",\"language\":\"bash\",\"stdin_open\":true");
    String one = sandbox + "/execs/" + execution.id();
    assertThat(json(api.get(one)).get("state").stringValue()).isEqualTo("running");
    assertThat(api.post(one + "/stdin", "{\"data\":\"é\"}").status()).isEqualTo(204);
    assertThat(api.post(one + "/stdin", "{\"data_b64\":\"IQ==\",\"eof\":true}").status())
        .isEqualTo(204);
    assertThat(execution.stdinText()).isEqualTo("é!<eof>");
    assertThat(api.post(one + "/stdin", "{\"data_b64\":\"***\"}").status()).isEqualTo(400);
    assertThat(api.post(one + "/stdin", "{}").status()).isEqualTo(400);
    assertThat(json(api.post(one + "/cancel", "")).get("exit_code").intValue()).isEqualTo(130);
    assertThat(json(api.get(sandbox + "/execs")).get("execs")).hasSize(1);

    FakeExecution closed = background("{\"code\":\"#hold\",\"language\":\"bash\"");
    Answer refused = api.post(sandbox + "/execs/" + closed.id() + "/stdin", "{\"data\":\"x\"}");
    assertThat(json(refused).get("code").stringValue()).isEqualTo("stdin_closed");
  }

  @Test
  void replayNamesTheExecutionOfEachEvent() {
    api.post(sandbox + "/exec", "{\"code\":\"a\"}");
    api.post(sandbox + "/exec", "{\"code\":\"b\",\"framing\":\"chunks\"}");
    List<JsonNode> events = events(api.get(sandbox + "/replay"));
    assertThat(events).hasSize(5);
    assertThat(events.getLast().get("exec_id").stringValue())
        .isEqualTo(test.engine.lastExecution().id());
    assertThat(events.get(1).has("reason")).isFalse();
    assertThat(events.get(4).get("reason").stringValue()).isEqualTo("exited");
  }

  @Test
  void eventsComeWhenTheyAreMadeAndSilenceCarriesEmptyLines() throws Exception {
    try (RawHttp raw = exec("{\"code\":\"#hold\"}")) {
      FakeExecution execution = started();
      assertThat(readUntil(raw, "\r\n\r\n")).contains("200 OK").contains(execution.id());
      execution.print("one");
      assertThat(readUntil(raw, "\"one\"")).doesNotContain("two");
      execution.print("two");
      readUntil(raw, "\"two\"");
      readUntil(raw, "}\n");
      assertThat(readUntil(raw, "\n\r\n").strip()).as("a chunk of one empty line").isEqualTo("1");
      execution.exit(0, ExecEvent.Reason.EXITED);
      readUntil(raw, "0\r\n\r\n");
    }
  }

  @Test
  void aCallerThatIsGoneFreesTheStreamAndTheWorkGoesOn() throws Exception {
    try (RawHttp raw = exec("{\"code\":\"#hold\"}")) {
      started();
      raw.reset();
    }
    FakeExecution execution = test.engine.lastExecution();
    await().atMost(Duration.ofSeconds(5)).until(() -> execution.openStreams() == 0);
    assertThat(execution.cancelled()).isFalse();
  }

  @Test
  void aCallerThatIsGoneCancelsIfItSaidSo() throws Exception {
    try (RawHttp raw = exec("{\"code\":\"#hold\",\"cancel_on_disconnect\":true}")) {
      started();
      raw.reset();
    }
    await().atMost(Duration.ofSeconds(5)).until(test.engine.lastExecution()::cancelled);
  }

  @Test
  void aReaderThatStallsIsCut() throws Exception {
    try (RawHttp raw = exec("{\"code\":\"#hold\"}")) {
      FakeExecution execution = started();
      byte[] line = "x".repeat(1 << 20).getBytes(StandardCharsets.US_ASCII);
      for (int i = 0; i < 32; i++) {
        execution.print(line);
      }
      await().atMost(Duration.ofSeconds(10)).until(() -> execution.openStreams() == 0);
      assertThat(execution.cancelled()).isFalse();
      raw.endOfOutput();
    }
  }

  @Test
  void closingTheServerLetsAStreamEndAndCutsTheRest() throws Exception {
    try (RawHttp ending = exec("{\"code\":\"#hold\"}")) {
      FakeExecution first = started();
      try (RawHttp endless = exec("{\"code\":\"#hold\"}")) {
        await().until(() -> test.engine.lastExecution() != first);
        FakeExecution second = test.engine.lastExecution();
        await().until(() -> second.openStreams() == 1);
        Thread closer = Thread.ofVirtual().start(test.server::close);
        Thread.sleep(100);
        first.print("last words");
        first.exit(0, ExecEvent.Reason.EXITED);
        readUntil(ending, "last words");
        readUntil(ending, "0\r\n\r\n");
        assertThat(closer.join(Duration.ofSeconds(10))).isTrue();
        await().atMost(Duration.ofSeconds(5)).until(() -> second.openStreams() == 0);
        assertThat(second.cancelled()).isFalse();
        endless.endOfOutput();
      }
    }
  }

  private FakeExecution background(String openBody) {
    Answer answer = api.post(sandbox + "/exec", openBody + ",\"background\":true}");
    assertThat(json(answer).get("exec_id").stringValue())
        .isEqualTo(test.engine.lastExecution().id());
    return test.engine.lastExecution();
  }

  private RawHttp exec(String body) throws Exception {
    RawHttp raw = new RawHttp(test.uri(), Duration.ofSeconds(10));
    raw.send(
        "POST %s/exec HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            .formatted(sandbox, test.server.newAdminKey().orElseThrow(), body.length(), body));
    return raw;
  }

  private FakeExecution started() {
    await().ignoreExceptions().until(() -> test.engine.lastExecution().openStreams() == 1);
    return test.engine.lastExecution();
  }

  private static String readUntil(RawHttp raw, String end) throws Exception {
    StringBuilder text = new StringBuilder();
    while (!text.toString().endsWith(end)) {
      int c = raw.read();
      if (c < 0) {
        throw new AssertionError("the stream ended with: " + text);
      }
      text.append((char) c);
    }
    return text.toString();
  }

  private static List<JsonNode> events(Answer answer) {
    return answer
        .text()
        .lines()
        .filter(line -> !line.isEmpty())
        .map(line -> JsonMapper.shared().readTree(line))
        .toList();
  }
}
