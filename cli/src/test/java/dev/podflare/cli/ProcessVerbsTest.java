package dev.podflare.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The verbs about processes. */
class ProcessVerbsTest {
  private static final String BASE = "/v1/sandboxes/sbx_1/processes";
  private static final String PROCESS =
      "{\"process_id\":\"prc_1\",\"name\":\"web\",\"pid\":77,\"command\":\"serve \\u001b[2J\","
          + "\"state\":\"running\",\"started_at\":\"2026-01-02T03:04:05Z\",\"ended_at\":null,"
          + "\"exit_code\":null,\"reason\":null,\"stdin_open\":false,\"keeps_awake\":true,"
          + "\"first_seq\":0,\"next_seq\":2}";
  private static final String GUEST =
      "{\"pid\":77,\"ppid\":1,\"uid\":0,\"state\":\"S\",\"cpu_ms\":1500,"
          + "\"resident_bytes\":2097152,\"command\":\"serve\",\"process_id\":\"prc_1\"}";

  private final CannedServer server = new CannedServer();
  private final List<String> asked = new CopyOnWriteArrayList<>();

  @AfterEach
  void stop() {
    server.close();
  }

  private Outcome call(String... arguments) {
    return Outcome.at(server, arguments);
  }

  private void take(String route, int status, String answer) {
    server.on(
        route,
        exchange -> {
          String body =
              new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
          String query = exchange.getRequestURI().getQuery();
          asked.add(route + (query == null ? "" : "?" + query) + " " + body);
          byte[] bytes = answer.getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(status, status == 204 ? -1 : bytes.length);
          if (status != 204) {
            exchange.getResponseBody().write(bytes);
          }
        });
  }

  @Test
  void startedOnesAreListedWithoutWhatCouldSteerTheTerminal() {
    server.on("GET " + BASE, 200, "{\"processes\":[" + PROCESS + "]}");
    assertThat(call("ps", "sbx_1").out().lines().skip(1))
        .singleElement()
        .asString()
        .matches("prc_1 +web +77 +running +.* serve [?]\\[2J");
    assertThat(call("ps", "sbx_1", "--json").out()).contains("\"process_id\" : \"prc_1\"");
  }

  @Test
  void allOfTheGuestAreListed() {
    server.on(
        "GET " + BASE,
        200,
        "{\"processes\":[" + PROCESS + "],\"guest\":[" + GUEST + "],\"truncated\":false}");
    assertThat(call("ps", "sbx_1", "--all").out().lines().skip(1))
        .singleElement()
        .asString()
        .matches("77 +1 +0 +S +1.5 s +2 MiB +prc_1 +serve");
  }

  @Test
  void logsArePrintedWhereTheyBelong() {
    take(
        "GET " + BASE + "/web/logs",
        200,
        """
        {"type":"skipped","data":3,"seq":0,"ts":1}
        {"type":"stdout","data":"out\\n","seq":3,"ts":1}

        {"type":"stderr","data":"err\\n","seq":4,"ts":1}
        {"type":"exit","data":3,"seq":5,"ts":1,"reason":"exited"}
        """);
    Outcome outcome = call("logs", "sbx_1", "web", "-f", "--from", "0");
    assertThat(outcome.out()).isEqualTo("out\n");
    assertThat(outcome.err().lines())
        .containsExactly(
            "podflare: 3 events before this are not kept any more",
            "err",
            "podflare: the process has ended with 3, exited");
    assertThat(asked).containsExactly("GET " + BASE + "/web/logs?follow=true&from_seq=0 ");
  }

  @Test
  void oneIsStartedAndEnded() {
    take("POST " + BASE, 200, PROCESS);
    take("POST " + BASE + "/prc_1/signal", 204, "");
    take("DELETE " + BASE + "/prc_1", 204, "");
    Outcome started =
        Outcome.of(
            "start",
            "--url",
            server.url(),
            "--key",
            "pf_live_test",
            "sbx_1",
            "--name",
            "web",
            "--",
            "serve",
            "-p",
            "80");
    assertThat(started.out().strip()).isEqualTo("prc_1");
    assertThat(call("kill", "sbx_1", "prc_1", "-s", "HUP").exitCode()).isZero();
    assertThat(call("kill", "sbx_1", "prc_1").exitCode()).isZero();
    assertThat(asked.getFirst()).contains("\"argv\":[\"serve\",\"-p\",\"80\"]", "\"name\":\"web\"");
    assertThat(asked.get(1)).contains("\"signal\":\"HUP\"", "\"group\":true");
    assertThat(asked.getLast()).startsWith("DELETE " + BASE + "/prc_1");
  }

  @Test
  void aServerOnLoopbackOnlyIsSaid() {
    take("POST " + BASE, 200, PROCESS);
    take(
        "POST /v1/sandboxes/sbx_1/wait_for_port",
        200,
        "{\"port\":80,\"addresses\":[\"127.0.0.1\"],\"reachable\":false}");
    Outcome outcome = call("start", "sbx_1", "--wait-port", "80", "serve");
    assertThat(outcome.out().strip()).isEqualTo("prc_1");
    assertThat(outcome.err()).contains("loopback only");
    assertThat(asked.getFirst()).contains("\"argv\":[\"/bin/bash\",\"-lc\",\"serve\"]");
    assertThat(asked.getLast()).contains("\"process\":\"prc_1\"", "\"timeout_ms\":");
  }
}
