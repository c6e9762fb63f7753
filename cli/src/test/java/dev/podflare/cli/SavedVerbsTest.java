package dev.podflare.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The verbs for sandboxes that stand still, Spaces and snapshots. */
class SavedVerbsTest {
  private static final String SAVED =
      """
      "sandbox_id":"sbx_1","template":"default","vcpus":2,"ram_mib":1024,"rootfs_gb":4,
      "metadata":{},"own_bytes":8388608,"stored_bytes":2097152,
      "created_at":"2026-01-01T00:00:00Z","expires_at":null}\
      """;
  private static final String SPACE = "{\"id\":\"spc_1\"," + SAVED;
  private static final String SNAPSHOT = "{\"id\":\"snp_1\",\"name\":\"a\\u001b\\nb\"," + SAVED;
  private static final String NAMELESS = "{\"id\":\"snp_2\",\"name\":null," + SAVED;
  private static final String READY = "{\"id\":\"sbx_1\",\"state\":\"ready\"}";

  private final CannedServer server = new CannedServer();
  private final List<String> bodies = new CopyOnWriteArrayList<>();

  @AfterEach
  void stop() {
    server.close();
  }

  private Outcome call(String... arguments) {
    return Outcome.at(server, arguments);
  }

  /** Answers a POST and keeps what was sent. */
  private void on(String path, String answer) {
    server.on(
        "POST " + path,
        exchange -> {
          bodies.add(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
          byte[] bytes = answer.getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(200, bytes.length);
          exchange.getResponseBody().write(bytes);
        });
  }

  @Test
  void pausesResumesAndRollsBack() {
    on("/v1/sandboxes/sbx_1/pause", "{\"id\":\"sbx_1\",\"state\":\"paused\"}");
    on("/v1/sandboxes/sbx_1/resume", READY);
    on("/v1/sandboxes/sbx_1/rollback", READY);
    assertThat(call("pause", "sbx_1")).isEqualTo(new Outcome(0, "", ""));
    assertThat(call("resume", "sbx_1").out()).isEqualToIgnoringNewLines("sbx_1");
    assertThat(call("resume", "sbx_1", "--json").out()).contains("\"state\" : \"ready\"");
    assertThat(call("rollback", "sbx_1", "warm")).isEqualTo(new Outcome(0, "", ""));
    assertThat(bodies).last().isEqualTo("{\"snapshot\":\"warm\"}");
  }

  @Test
  void undoesCalls() {
    on(
        "/v1/sandboxes/sbx_1/undo",
        "{\"id\":\"sbx_1\",\"state\":\"ready\",\"undo\":{\"keep\":8,\"available\":3}}");
    assertThat(call("undo", "sbx_1")).isEqualTo(new Outcome(0, "", ""));
    assertThat(bodies).last().isEqualTo("{\"n\":1}");
    assertThat(call("undo", "sbx_1", "-n", "2", "--json").out()).contains("\"available\" : 3");
    assertThat(bodies).last().isEqualTo("{\"n\":2}");
    assertThat(call("undo", "sbx_1", "-n", "0").exitCode()).isEqualTo(2);
  }

  @Test
  void aSpaceGoesOnAsAnotherSandboxThatStays() {
    on("/v1/spaces/spc_1/resume", "{\"id\":\"sbx_2\",\"state\":\"ready\"}");
    assertThat(call("resume", "spc_1")).isEqualTo(new Outcome(0, "sbx_2" + "\n", ""));
    assertThat(bodies).containsExactly("{}");
    assertThat(call("resume", "spc_1", "--keep", "--json").out()).contains("\"id\" : \"sbx_2\"");
    assertThat(bodies).last().isEqualTo("{\"keep\":true}");
  }

  @Test
  void freezesAndLists() {
    on("/v1/sandboxes/sbx_1/freeze", SPACE);
    server.on("GET /v1/spaces", 200, "{\"spaces\":[" + SPACE + "]}");
    assertThat(call("freeze", "sbx_1").out()).isEqualToIgnoringNewLines("spc_1");
    assertThat(call("freeze", "sbx_1", "--json").out()).contains("\"sandbox_id\" : \"sbx_1\"");
    assertThat(call("spaces").out().lines().skip(1))
        .singleElement()
        .asString()
        .startsWith("spc_1  sbx_1    default   2 cpu, 1024 MiB  ")
        .endsWith("8MiB  2MiB");
    assertThat(call("spaces", "--json").out()).contains("\"stored_bytes\" : 2097152");
  }

  @Test
  void spacesAreRemovedOneAfterTheOther() {
    server
        .on("DELETE /v1/spaces/spc_1", 503, "{\"error\":\"ending\",\"code\":\"shutting_down\"}")
        .on("DELETE /v1/spaces/spc_2", 204, "");
    Outcome outcome = call("spaces", "rm", "spc_1", "spc_2");
    assertThat(outcome.out()).isEqualToIgnoringNewLines("spc_2");
    assertThat(outcome.err()).contains("spc_1", "shutting_down");
    assertThat(outcome.exitCode()).isEqualTo(1);
  }

  @Test
  void takesSnapshots() {
    on("/v1/sandboxes/sbx_1/snapshots", SNAPSHOT);
    assertThat(call("snapshot", "sbx_1", "--name", "warm", "--expires", "7d").out())
        .isEqualToIgnoringNewLines("snp_1");
    assertThat(call("snapshot", "sbx_1", "--json").out()).contains("\"id\" : \"snp_1\"");
    assertThat(bodies).containsExactly("{\"name\":\"warm\",\"expires_in_seconds\":604800}", "{}");
  }

  @Test
  void snapshotsAreListedWithoutWhatCouldSteerTheTerminal() {
    server.on("GET /v1/snapshots", 200, "{\"snapshots\":[" + SNAPSHOT + "," + NAMELESS + "]}");
    assertThat(call("snapshots").out().lines().skip(1))
        .satisfiesExactly(
            it -> assertThat(it).startsWith("snp_1  a? b  sbx_1    default   2 cpu, 1024 MiB  "),
            it -> assertThat(it).startsWith("snp_2  -     sbx_1    "));
    assertThat(call("snapshots", "--json").out()).contains("\"name\" : null");
  }

  @Test
  void snapshotsAreRemovedByIdOrName() {
    server
        .on(
            "GET /v1/snapshots",
            200,
            "{\"snapshots\":["
                + SNAPSHOT.replace("a\\u001b\\nb", "warm")
                + ","
                + NAMELESS.replace("null,\"sandbox", "\"twice\",\"sandbox")
                + ","
                + NAMELESS.replace("null,\"sandbox", "\"twice\",\"sandbox")
                + "]}")
        .on("DELETE /v1/snapshots/snp_1", 204, "")
        .on("DELETE /v1/snapshots/snp_9", 204, "");
    Outcome outcome = call("snapshots", "rm", "warm", "cold", "twice", "snp_9");
    assertThat(outcome.out().lines()).containsExactly("warm", "snp_9");
    assertThat(outcome.err())
        .contains("cold: there is no snapshot of that name [snapshot_not_found]")
        .contains("twice: several keys have a snapshot of that name");
    assertThat(outcome.exitCode()).isEqualTo(2);
  }

  @Test
  void aRunGoesOnFromASnapshot() {
    on("/v1/sandboxes", READY);
    server.on("DELETE /v1/sandboxes/sbx_1", 204, "");
    on(
        "/v1/sandboxes/sbx_1/exec",
        "{\"type\":\"exit\",\"data\":0,\"reason\":\"exited\",\"seq\":0,\"ts\":1}\n");
    assertThat(call("run", "--snapshot", "warm", "--json", "print(1)").exitCode()).isZero();
    assertThat(bodies.getFirst()).isEqualTo("{\"snapshot\":\"warm\"}");
  }

  @Test
  void theLifetimeOfOneThatStandsStillDoesNotRun() {
    String record =
        ",\"expires_at\":\"2030-01-01T00:00:00Z\",\"created_at\":\"2026-01-01T00:00:00Z\"}";
    server.on(
        "GET /v1/sandboxes",
        200,
        "{\"sandboxes\":[{\"id\":\"sbx_1\",\"state\":\"frozen\""
            + record
            + ",{\"id\":\"sbx_2\",\"state\":\"ready\""
            + record
            + "]}");
    assertThat(call("ls").out().lines().skip(1))
        .satisfiesExactly(
            it -> assertThat(it).startsWith("sbx_1  frozen").containsPattern(" d +- +0 MiB$"),
            it -> assertThat(it).startsWith("sbx_2  ready").containsPattern(" d +\\d+ d +0 MiB$"));
  }
}
