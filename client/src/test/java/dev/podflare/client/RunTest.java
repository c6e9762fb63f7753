package dev.podflare.client;

import static dev.podflare.client.ScriptedServer.json;
import static dev.podflare.client.ScriptedServer.stream;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RunTest {
  private static final String EXEC = "POST /v1/sandboxes/sbx_1/exec";

  private final ScriptedServer server = new ScriptedServer();
  private final Podflare podflare = server.client();
  private final Sandbox sandbox = podflare.sandbox("sbx_1");

  @AfterEach
  void stop() {
    podflare.close();
    server.close();
  }

  @Test
  void gathersOutputAndExit() {
    server.on(
        EXEC,
        stream(
            "{\"type\":\"started\",\"data\":\"exe_7\",\"seq\":0,\"ts\":1}\n\n\n",
            "{\"type\":\"stdout\",\"data\":\"a\\nb\",\"seq\":1,\"ts\":1}\n{\"type\":\"std",
            "err\",\"data\":\"oh\",\"seq\":2,\"ts\":1}\n",
            "{\"type\":\"stdout\",\"data_b64\":\"/w==\",\"seq\":3,\"ts\":1}\r\n",
            "{\"type\":\"later\",\"data\":[1],\"seq\":4,\"ts\":1}\n",
            "{\"type\":\"result\",\"data\":{\"text/plain\":\"42\"},\"seq\":5,\"ts\":1}\n",
            "{\"type\":\"exit\",\"data\":3,\"reason\":\"exited\",\"seq\":6,\"ts\":1}\n"));
    RunResult result = sandbox.runCode("print()");
    assertThat(result.stdout()).isEqualTo("a\nb\uFFFD");
    assertThat(result.stderr()).isEqualTo("oh");
    assertThat(result.exitCode()).isEqualTo(3);
    assertThat(result.reason()).isEqualTo("exited");
    assertThat(result.execId()).isEqualTo("exe_7");
    assertThat(result.results()).containsExactly(Map.of("text/plain", "42"));
    assertThat(result.truncated()).isFalse();
  }

  @Test
  void sendsWhatWasAsked() {
    server.on(EXEC, stream("{\"type\":\"exit\",\"data\":0,\"seq\":0,\"ts\":1}\n"));
    RunRequest request =
        RunRequest.of("cat", Language.BASH)
            .withTimeout(Duration.ofMillis(1500))
            .withCwd("/tmp")
            .withStdin("hi")
            .withEnv(Map.of("A", "b"))
            .withCancelOnDisconnect();
    RunResult result = sandbox.run(request, new RunListener() {});
    assertThat(result.execId()).isEqualTo("exe_header");
    Map<?, ?> body =
        Json.read(server.seen().getFirst().body().getBytes(StandardCharsets.UTF_8), Map.class);
    assertThat(body.get("code")).isEqualTo("cat");
    assertThat(body.get("language")).isEqualTo("bash");
    assertThat(body.get("framing")).isEqualTo("chunks");
    assertThat(body.get("timeout_seconds")).isEqualTo(2);
    assertThat(body.get("cwd")).isEqualTo("/tmp");
    assertThat(body.get("stdin")).isEqualTo("hi");
    assertThat(body.get("env")).isEqualTo(Map.of("A", "b"));
    assertThat(body.get("cancel_on_disconnect")).isEqualTo(true);
    assertThat(body.containsKey("background")).isFalse();
  }

  @Test
  void tellsTheListenerWhileTheProgramRuns() {
    CountDownLatch heard = new CountDownLatch(1);
    server.on(
        EXEC,
        exchange -> {
          exchange.sendResponseHeaders(200, 0);
          var out = exchange.getResponseBody();
          out.write("{\"type\":\"stdout\",\"data\":\"early\"}\n".getBytes(StandardCharsets.UTF_8));
          out.flush();
          int code = awaited(heard, 400) ? 0 : 99;
          out.write(
              ("{\"type\":\"exit\",\"data\":" + code + "}\n").getBytes(StandardCharsets.UTF_8));
          exchange.close();
        });
    List<String> chunks = new ArrayList<>();
    RunResult result =
        sandbox.run(
            RunRequest.of("x", Language.PYTHON),
            new RunListener() {
              @Override
              public void stdout(byte[] bytes) {
                chunks.add(new String(bytes, StandardCharsets.UTF_8));
                heard.countDown();
              }
            });
    assertThat(result.exitCode()).isZero();
    assertThat(chunks).containsExactly("early");
  }

  private static boolean awaited(CountDownLatch latch, long millis) {
    try {
      return latch.await(millis, TimeUnit.MILLISECONDS);
    } catch (InterruptedException interrupted) {
      return false;
    }
  }

  @Test
  void heartbeatsKeepASilentProgramAlive() {
    server.on(
        EXEC,
        exchange -> {
          exchange.sendResponseHeaders(200, 0);
          for (int i = 0; i < 4; i++) {
            pause(250);
            exchange.getResponseBody().write('\n');
            exchange.getResponseBody().flush();
          }
          exchange
              .getResponseBody()
              .write("{\"type\":\"exit\",\"data\":0}\n".getBytes(StandardCharsets.UTF_8));
          exchange.close();
        });
    assertThat(sandbox.runCode("sleep").exitCode()).isZero();
  }

  @Test
  void givesUpOnASilentServer() {
    CountDownLatch done = new CountDownLatch(1);
    server.on(
        EXEC,
        exchange -> {
          exchange.sendResponseHeaders(200, 0);
          exchange.getResponseBody().write('\n');
          exchange.getResponseBody().flush();
          if (!awaited(done, 10_000)) {
            throw new IOException("the client did not give up");
          }
          exchange.close();
        });
    try {
      assertThatThrownBy(() -> sandbox.runCode("hang"))
          .isInstanceOfSatisfying(
              ApiException.class,
              it -> assertThat(it.code()).isEqualTo(ApiException.NO_ANSWER_IN_TIME));
    } finally {
      done.countDown();
    }
  }

  private static void pause(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void anEndWithoutExitIsNoResult() {
    server.on(EXEC, stream("{\"type\":\"stdout\",\"data\":\"half\"}\n"));
    refused("route_not_found"); // by the server that was asked for the rest
    assertThat(server.seen().getLast().target())
        .isEqualTo("/v1/sandboxes/sbx_1/execs/exe_header/stream?from_seq=1");
  }

  private void refused(String code) {
    assertThatThrownBy(() -> sandbox.runCode("x"))
        .isInstanceOfSatisfying(ApiException.class, it -> assertThat(it.code()).isEqualTo(code));
  }

  @Test
  void anEndWithoutExitAndWithoutAnIdIsNoResult() {
    server.on(
        EXEC,
        exchange -> {
          exchange.sendResponseHeaders(200, 0);
          exchange.close();
        });
    refused(ApiException.UNREACHABLE);
    assertThat(server.seen()).hasSize(1);
  }

  @Test
  void aStreamThatEndsEarlyGoesOnWithoutRepeats() {
    server
        .on(
            EXEC,
            stream(
                "{\"type\":\"stdout\",\"data\":\"a\",\"seq\":0}\n",
                "{\"type\":\"stdout\",\"data\":\"b\",\"seq\":1}\n{\"type\":\"std"))
        .on(
            "GET /v1/sandboxes/sbx_1/execs/exe_header/stream?from_seq=2",
            stream(
                "{\"type\":\"stdout\",\"data\":\"b\",\"seq\":1}\n",
                "{\"type\":\"stdout\",\"data\":\"c\",\"seq\":2}\n{\"type\":\"exit\",\"data\":0,\"seq\":3}\n"));
    RunResult result = sandbox.runCode("x");
    assertThat(result.stdout()).isEqualTo("abc");
    assertThat(result.truncated()).isFalse();
  }

  @Test
  void whatTheServerDidNotKeepIsSaid() {
    server
        .on(EXEC, stream("{\"type\":\"stdout\",\"data\":\"a\",\"seq\":0}\n"))
        .on(
            "GET /v1/sandboxes/sbx_1/execs/exe_header/stream?from_seq=1",
            stream("{\"type\":\"exit\",\"data\":0,\"seq\":9}\n"));
    assertThat(sandbox.runCode("x").truncated()).isTrue();
  }

  @Test
  void aStreamIsNotJoinedAgainIfThatIsNotWanted() {
    server.on(EXEC, stream("{\"type\":\"stdout\",\"data\":\"half\"}\n"));
    ClientConfig config = server.config(1 << 20).withRejoinTimeout(Duration.ZERO);
    try (Podflare once = new Podflare(config)) {
      assertThatThrownBy(() -> once.sandbox("sbx_1").runCode("x"))
          .isInstanceOfSatisfying(
              ApiException.class, it -> assertThat(it.code()).isEqualTo(ApiException.UNREACHABLE));
    }
    assertThat(server.seen()).hasSize(1);
  }

  @Test
  void eventsAreToldAsTheServerNumbersThem() {
    server
        .on(
            EXEC,
            stream(
                "{\"type\":\"stdout\",\"data_b64\":\"/w==\",\"seq\":0,\"ts\":1}\n",
                "{\"type\":\"exit\",\"data\":0,\"seq\":1,\"reason\":\"exited\"}\n"))
        .on(
            "GET /v1/sandboxes/sbx_1/replay",
            stream("{\"type\":\"exit\",\"data\":0,\"seq\":1,\"exec_id\":\"exe_1\"}\n"))
        .on("POST /v1/sandboxes/sbx_1/execs/exe_1/stdin", json(204, ""));
    List<RunEvent> events = new ArrayList<>();
    RunRequest request = RunRequest.of("x", Language.BASH).withOpenInput();
    sandbox.stream(request, RunEvent.Framing.LINES, events::add);
    assertThat(events).extracting(RunEvent::type).containsExactly("stdout", "exit");
    assertThat(events.getFirst().data()).isEqualTo("\uFFFD");
    assertThat(events.getFirst().base64()).contains("/w==");
    assertThat(events.getLast().data()).isEqualTo(0);
    assertThat(events.getLast().reason()).contains("exited");
    assertThat(server.seen().getFirst().body())
        .contains("\"framing\":\"lines\"", "\"stdin_open\":true");
    assertThat(sandbox.replay()).extracting(it -> it.execId().orElseThrow()).containsOnly("exe_1");
    sandbox.input("exe_1", "in".getBytes(StandardCharsets.UTF_8));
    assertThat(server.seen().getLast().body()).isEqualTo("{\"data_b64\":\"aW4=\"}");
    sandbox.closeInput("exe_1");
    assertThat(server.seen().getLast().body()).isEqualTo("{\"eof\":true}");
  }

  @Test
  void brokenEventsAreNamed() {
    server.on(EXEC, stream("{\"type\":\"stdout\"\n"));
    assertThatThrownBy(() -> sandbox.runCode("x")).hasMessageContaining("{\"type\":\"stdout\"");
  }

  @Test
  void keepsNoMoreOutputThanConfigured() {
    server.on(
        EXEC,
        stream(
            "{\"type\":\"stdout\",\"data\":\"12345\"}\n{\"type\":\"stdout\",\"data\":\"67890\"}\n",
            "{\"type\":\"exit\",\"data\":0}\n"));
    try (Podflare narrow = new Podflare(server.config(7))) {
      RunResult result = narrow.sandbox("sbx_1").runCode("x");
      assertThat(result.stdout()).isEqualTo("1234567");
      assertThat(result.truncated()).isTrue();
    }
  }

  @Test
  void startsInTheBackgroundAndJoinsAgain() {
    server
        .on(EXEC, json(200, "{\"exec_id\":\"exe_9\"}"))
        .on(
            "GET /v1/sandboxes/sbx_1/execs/exe_9/stream?from_seq=4",
            stream("{\"type\":\"stdout\",\"data\":\"tail\"}\n{\"type\":\"exit\",\"data\":0}\n"))
        .on("POST /v1/sandboxes/sbx_1/execs/exe_9/cancel", json(204, ""));
    String execId = sandbox.start(RunRequest.of("x", Language.PYTHON));
    assertThat(server.seen().getFirst().body()).contains("\"background\":true");
    assertThat(sandbox.join(execId, 4, new RunListener() {}).stdout()).isEqualTo("tail");
    sandbox.cancel(execId);
    assertThat(server.seen().getLast().target()).endsWith("/execs/exe_9/cancel");
  }
}
