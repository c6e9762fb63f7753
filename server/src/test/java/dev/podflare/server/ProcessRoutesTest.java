package dev.podflare.server;

import static dev.podflare.server.testing.ApiClient.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.podflare.engine.ExecEvent;
import dev.podflare.engine.ProcessRequest;
import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.ApiClient;
import dev.podflare.server.testing.FakeProcess;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Processes over HTTP; every answer is checked against the contract. */
class ProcessRoutesTest {
  @TempDir Path folder;
  private TestServer test;
  private ApiClient api;
  private String sandbox;
  private String all;

  @BeforeEach
  void start() {
    test = TestServer.start(folder);
    api = test.admin;
    sandbox = "/v1/sandboxes/" + api.create();
    all = sandbox + "/processes";
  }

  @AfterEach
  void stop() {
    test.close();
  }

  private FakeProcess open(String body) {
    Answer answer = api.post(all, body);
    assertThat(answer.status()).as(answer.text()).isEqualTo(200);
    return test.engine.lastProcess();
  }

  private String one(FakeProcess process) {
    return all + "/" + process.id();
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
  void oneIsStartedWithAllThatItNeeds() {
    FakeProcess process =
        open(
            """
            {"argv":["serve","a b"],"name":"web","cwd":"/srv","env":{"A":"b"},"stdin":"in",
             "stdin_open":true,"timeout_seconds":9,"keeps_awake":false}
            """);
    assertThat(process.request())
        .isEqualTo(
            new ProcessRequest(
                List.of("serve", "a b"),
                "serve a b",
                Optional.of("web"),
                Optional.of("/srv"),
                Map.of("A", "b"),
                Optional.of("in"),
                true,
                Optional.of(Duration.ofSeconds(9)),
                false));
    JsonNode record = json(api.get(all + "/web"));
    assertThat(record.get("process_id").stringValue()).isEqualTo(process.id());
    assertThat(record.get("state").stringValue()).isEqualTo("running");
    assertThat(record.get("exit_code").isNull()).isTrue();
    assertThat(json(api.get(all)).get("processes").get(0)).isEqualTo(record);
  }

  @Test
  void aCommandLineIsForALoginShell() {
    FakeProcess process = open("{\"cmd\":\"a | b\"}");
    assertThat(process.request().argv()).containsExactly("/bin/bash", "-lc", "a | b");
    assertThat(process.request().command()).isEqualTo("a | b");
    assertThat(process.request().keepsAwake()).isTrue();
    assertThat(process.request().timeout()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{\"argv\":[]}",
        "{\"argv\":[\"a\"],\"cmd\":\"b\"}",
        "{\"argv\":\"a\"}",
        "{\"argv\":[1]}",
        "{\"cmd\":\"a\",\"env\":{\"=\":\"\"}}",
        "{\"cmd\":\"a\",\"timeout_seconds\":0}",
        "{\"cmd\":\"a\",\"keeps_awake\":1}",
        "{\"cmd\":\"a\",\"name\":\"\"}"
      })
  void whatCannotBeStartedIsRefused(String body) {
    Answer answer = api.post(all, body);
    assertThat(answer.status()).as(body).isEqualTo(400);
    assertThat(json(answer).get("code").stringValue()).isEqualTo("invalid_field");
  }

  @Test
  void signalsAreNamedOrNumbered() {
    FakeProcess process = open("{\"cmd\":\"x\"}");
    for (String body :
        List.of(
            "{\"signal\":\"TERM\"}",
            "{\"signal\":\"sigusr1\",\"group\":false}",
            "{\"signal\":64,\"group\":true}")) {
      assertThat(api.post(one(process) + "/signal", body).status()).as(body).isEqualTo(204);
    }
    assertThat(process.signals()).containsExactly("15 group", "10 one", "64 group");
    for (String body :
        List.of(
            "{}",
            "{\"signal\":\"TERMINATE\"}",
            "{\"signal\":0}",
            "{\"signal\":65}",
            "{\"signal\":32}",
            "{\"signal\":true}",
            "{\"signal\":\"SIG\"}")) {
      assertThat(api.post(one(process) + "/signal", body).status()).as(body).isEqualTo(400);
    }
    assertThat(api.call("DELETE", one(process), "").status()).isEqualTo(204);
    assertThat(api.call("DELETE", one(process), "").status()).isEqualTo(204);
    Answer late = api.post(one(process) + "/signal", "{\"signal\":9}");
    assertThat(late.status()).isEqualTo(409);
    assertThat(json(late).get("code").stringValue()).isEqualTo("process_ended");
  }

  @Test
  void inputIsPassedOn() {
    FakeProcess process = open("{\"cmd\":\"cat\",\"stdin_open\":true}");
    String stdin = one(process) + "/stdin";
    assertThat(api.post(stdin, "{\"data\":\"é\"}").status()).isEqualTo(204);
    assertThat(api.post(stdin, "{\"data_b64\":\"aGkK\",\"close\":true}").status()).isEqualTo(204);
    assertThat(process.execution().stdinText()).isEqualTo("éhi\n<eof>");
    assertThat(api.post(stdin, "{\"close\":true}").status()).isEqualTo(204);
    assertThat(api.post(stdin, "{}").status()).isEqualTo(400);
    assertThat(api.post(stdin, "{\"data\":\"a\",\"data_b64\":\"YQ==\"}").status()).isEqualTo(400);
    assertThat(api.post(stdin, "{\"data_b64\":\"?\"}").status()).isEqualTo(400);
    Answer large = api.post(stdin, "{\"data\":\"" + "x".repeat((1 << 20) + 1) + "\"}");
    assertThat(large.status()).isEqualTo(413);
  }

  @Test
  void aLogEndsWithWhatIsThereUnlessItIsFollowed() throws Exception {
    FakeProcess process = open("{\"cmd\":\"x\"}");
    process.execution().print("one\n");
    process.execution().print(new byte[] {(byte) 0xff});
    List<JsonNode> kept = lines(api.get(one(process) + "/logs?from_seq=1"));
    assertThat(kept).extracting(it -> it.get("seq").intValue()).containsExactly(1, 2);
    assertThat(kept.getFirst().get("data").stringValue()).isEqualTo("one\n");
    assertThat(kept.getLast().get("data_b64").stringValue()).isEqualTo("/w==");
    assertThat(lines(api.get(one(process) + "/logs?from_seq=99"))).isEmpty();
    Thread later =
        Thread.ofVirtual()
            .start(() -> {
              await().until(() -> process.execution().openStreams() == 1);
              process.execution().printError("two");
              process.execution().exit(3, ExecEvent.Reason.EXITED);
            });
    List<JsonNode> followed = lines(api.get(one(process) + "/logs?follow=true"));
    later.join();
    assertThat(followed.getFirst().get("type").stringValue()).isEqualTo("started");
    assertThat(followed.getFirst().get("data").stringValue()).isEqualTo(process.id());
    assertThat(followed.getLast().get("data").intValue()).isEqualTo(3);
    assertThat(followed).hasSize(5);
    assertThat(lines(api.get(one(process) + "/logs"))).isEqualTo(followed);
    assertThat(api.get(one(process) + "/logs?from_seq=-1").status()).isEqualTo(400);
    assertThat(api.get(one(process) + "/logs?follow=yes").status()).isEqualTo(400);
    await().until(() -> process.execution().openStreams() == 0);
  }

  /** Longer than a connection may be silent: a request that is at work is not cut for that. */
  @Test
  void aWaitMayBeLongerThanTheIdleTimeOfAConnection() throws Exception {
    FakeProcess process = open("{\"cmd\":\"x\"}");
    Duration silence = TestServer.quick().idleTimeout().multipliedBy(3);
    Answer running =
        api.post(one(process) + "/wait", "{\"timeout_ms\":" + silence.toMillis() + "}");
    assertThat(json(running).get("state").stringValue()).isEqualTo("running");
    Thread later =
        Thread.ofVirtual()
            .start(() -> {
              await().until(() -> process.execution().openStreams() == 1);
              process.execution().exit(7, ExecEvent.Reason.EXITED);
            });
    Answer ended = api.post(one(process) + "/wait", "");
    later.join();
    assertThat(json(ended).get("exit_code").intValue()).isEqualTo(7);
    assertThat(api.post(one(process) + "/wait", "{\"timeout_ms\":600001}").status()).isEqualTo(400);
  }

  @Test
  void aPortIsWaitedFor() {
    Answer answer = api.post(sandbox + "/wait_for_port", "{\"port\":8000}");
    assertThat(json(answer).get("reachable").booleanValue()).isTrue();
    Answer late = api.post(sandbox + "/wait_for_port", "{\"port\":1,\"timeout_ms\":5}");
    assertThat(late.status()).isEqualTo(504);
    assertThat(json(late).get("code").stringValue()).isEqualTo("timed_out");
    for (String body : List.of("{}", "{\"port\":0}", "{\"port\":65536}", "{\"port\":\"80\"}")) {
      assertThat(api.post(sandbox + "/wait_for_port", body).status()).as(body).isEqualTo(400);
    }
    assertThat(api.post(sandbox + "/wait_for_port", "{\"port\":8,\"process\":\"none\"}").status())
        .isEqualTo(404);
  }

  @Test
  void aLineIsWaitedFor() {
    FakeProcess process = open("{\"cmd\":\"x\",\"name\":\"web\"}");
    Answer answer =
        api.post(
            sandbox + "/wait_for_log",
            "{\"process\":\"web\",\"pattern\":\"l(.*)\",\"from_seq\":3,\"timeout_ms\":7}");
    assertThat(json(answer).get("seq").intValue()).isEqualTo(4);
    assertThat(json(answer).get("groups").get(0).stringValue()).isEqualTo("line");
    assertThat(process.lastWish().fromSequence()).isEqualTo(3);
    assertThat(process.lastWish().patience()).isEqualTo(Duration.ofMillis(7));
    assertThat(process.lastWish().literal()).isFalse();
    Answer never = api.post(sandbox + "/wait_for_log", "{\"process\":\"web\",\"text\":\"never\"}");
    assertThat(never.status()).isEqualTo(504);
    assertThat(process.lastWish().literal()).isTrue();
    for (String body :
        List.of(
            "{\"process\":\"web\"}",
            "{\"pattern\":\"x\"}",
            "{\"process\":\"web\",\"pattern\":\"x\",\"text\":\"x\"}")) {
      assertThat(api.post(sandbox + "/wait_for_log", body).status()).as(body).isEqualTo(400);
    }
  }

  @Test
  void allOfTheGuestAreListed() {
    FakeProcess process = open("{\"cmd\":\"x\"}");
    JsonNode answer = json(api.get(all + "?all=true"));
    assertThat(answer.get("guest").get(0).get("pid").intValue()).isEqualTo(1);
    assertThat(answer.get("guest").get(1).get("process_id").stringValue()).isEqualTo(process.id());
    assertThat(answer.get("truncated").booleanValue()).isFalse();
    assertThat(json(api.get(all)).has("guest")).isFalse();
    assertThat(api.get(all + "?all=1").status()).isEqualTo(400);
  }

  @Test
  void anotherIsNotThere() {
    for (String rest : List.of("", "/logs")) {
      Answer answer = api.get(all + "/prc_0" + rest);
      assertThat(answer.status()).isEqualTo(404);
      assertThat(json(answer).get("code").stringValue()).isEqualTo("process_not_found");
    }
  }
}
