package dev.podflare.client;

import static dev.podflare.client.ScriptedServer.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Sandboxes that stand still, Spaces and snapshots. */
class SavedTest {
  private static final String SPACE =
      """
      {"id":"spc_1","sandbox_id":"sbx_1","template":"default","vcpus":2,"ram_mib":1024,
       "rootfs_gb":4,"metadata":{"a":"b"},"own_bytes":9,"stored_bytes":4,"any_node":true,
       "created_at":"2026-01-02T03:04:05Z","expires_at":null}\
      """;
  private static final String SNAPSHOT =
      SPACE.replace("spc_1", "snp_1").replace("\"sandbox_id\"", "\"name\":\"warm\",\"sandbox_id\"");

  private final ScriptedServer server = new ScriptedServer();
  private final Podflare podflare = server.client();
  private final Sandbox sandbox = podflare.sandbox("sbx_1");

  @AfterEach
  void stop() {
    podflare.close();
    server.close();
  }

  private static String record(String state) {
    return "{\"id\":\"sbx_1\",\"state\":\""
        + state
        + "\",\"persistent\":true,\"auto_resume\":true}";
  }

  private List<String> calls() {
    return server.seen().stream().map(it -> it.method() + " " + it.target()).toList();
  }

  @Test
  void pausesAndResumes() {
    server
        .on("POST /v1/sandboxes/sbx_1/pause", json(200, record("paused")))
        .on("POST /v1/sandboxes/sbx_1/resume", json(200, record("ready")));
    assertThat(sandbox.pause().state()).isEqualTo("paused");
    assertThat(sandbox.resume().autoResume()).isTrue();
  }

  @Test
  void aFrozenSandboxOutlivesItsHandleUntilItGoesOn() {
    server
        .on("POST /v1/sandboxes/sbx_1/freeze", json(200, SPACE))
        .on("POST /v1/sandboxes/sbx_1/resume", json(200, record("ready")))
        .on("DELETE /v1/sandboxes/sbx_1", json(204, ""));
    SpaceInfo space = sandbox.freeze();
    assertThat(space.sandboxId()).isEqualTo("sbx_1");
    assertThat(space.ramMib()).isEqualTo(1024);
    assertThat(space.storedBytes()).isEqualTo(4);
    assertThat(space.anyNode()).isTrue();
    assertThat(space.createdAt()).contains(Instant.parse("2026-01-02T03:04:05Z"));
    assertThat(space.expiresAt()).isEmpty();
    sandbox.close();
    assertThat(calls()).containsExactly("POST /v1/sandboxes/sbx_1/freeze");
    assertThat(sandbox.resume().state()).isEqualTo("ready");
    sandbox.close();
    assertThat(calls()).last().isEqualTo("DELETE /v1/sandboxes/sbx_1");
  }

  @Test
  void aFreezeThatFailedLeavesASandboxThatIsDeleted() {
    server
        .on("POST /v1/sandboxes/sbx_1/freeze", json(503, "{\"code\":\"store_full\"}"))
        .on("DELETE /v1/sandboxes/sbx_1", json(204, ""));
    assertThatThrownBy(sandbox::freeze)
        .isInstanceOfSatisfying(
            ApiException.class, it -> assertThat(it.code()).isEqualTo("store_full"));
    sandbox.close();
    assertThat(calls()).last().isEqualTo("DELETE /v1/sandboxes/sbx_1");
  }

  @Test
  void spacesAreListedResumedAndDeleted() {
    server
        .on("GET /v1/spaces", json(200, "{\"spaces\":[" + SPACE + "]}"))
        .on("GET /v1/spaces/spc_1", json(200, SPACE))
        .on(
            "POST /v1/spaces/spc_1/resume",
            json(200, "{\"id\":\"sbx_2\",\"state\":\"ready\",\"source\":\"restore\"}"))
        .on("DELETE /v1/spaces/spc_1", json(204, ""));
    Spaces spaces = podflare.spaces();
    assertThat(spaces.list()).containsExactly(spaces.get("spc_1"));
    ResumeOptions options =
        ResumeOptions.AS_IT_WAS
            .withTimeout(Duration.ofMinutes(1))
            .withIdleTimeout(Duration.ofSeconds(5))
            .withPersistent(true)
            .withAutoResume(false)
            .withNetwork(
                new NetworkPolicy("deny", List.of(), List.of(), java.util.Optional.empty()))
            .withMetadata(Map.of("a", "b"))
            .withKeep(true);
    assertThat(spaces.resume("spc_1", options).id()).isEqualTo("sbx_2");
    ScriptedServer.Seen resume = server.seen().getLast();
    assertThat(resume.header("Idempotency-Key")).isPresent();
    assertThat(resume.body())
        .startsWith(
            "{\"timeout_seconds\":60,\"idle_timeout_seconds\":5,\"persistent\":true,"
                + "\"auto_resume\":false,\"network\":{\"default\":\"deny\"")
        .endsWith("\"metadata\":{\"a\":\"b\"},\"keep\":true}");
    Sandbox plain = spaces.resume("spc_1");
    assertThat(server.seen().getLast().body()).isEqualTo("{}");
    assertThat(plain.created().orElseThrow().source()).contains("restore");
    spaces.delete("spc_1");
    assertThat(calls()).last().isEqualTo("DELETE /v1/spaces/spc_1");
  }

  @Test
  void snapshotsAreTakenListedAndDeleted() {
    server
        .on("POST /v1/sandboxes/sbx_1/snapshots", json(200, SNAPSHOT))
        .on("GET /v1/snapshots", json(200, "{\"snapshots\":[" + SNAPSHOT + "]}"))
        .on("DELETE /v1/snapshots/snp_1", json(204, ""));
    SnapshotInfo snapshot =
        sandbox.snapshot(SnapshotOptions.named("warm").withExpiresIn(Duration.ofDays(7)));
    assertThat(snapshot.name()).contains("warm");
    assertThat(server.seen().getLast().header("Idempotency-Key")).isPresent();
    assertThat(server.seen().getLast().body())
        .isEqualTo("{\"name\":\"warm\",\"expires_in_seconds\":604800}");
    assertThat(sandbox.snapshot()).isEqualTo(snapshot);
    assertThat(server.seen().getLast().body()).isEqualTo("{}");
    assertThat(podflare.snapshots().list()).containsExactly(snapshot);
    podflare.snapshots().delete("snp_1");
    assertThat(calls()).last().isEqualTo("DELETE /v1/snapshots/snp_1");
  }

  private static String undone() {
    return "{\"id\":\"sbx_1\",\"state\":\"ready\",\"undo\":{\"keep\":8,\"available\":2}}";
  }

  @Test
  void goesOnFromASnapshot() {
    server
        .on("POST /v1/sandboxes", json(200, record("ready")))
        .on("PATCH /v1/sandboxes/sbx_1", json(200, record("ready")))
        .on("POST /v1/sandboxes/sbx_1/undo", json(200, undone()))
        .on("POST /v1/sandboxes/sbx_1/rollback", json(200, record("ready")));
    Sandbox made =
        podflare.create(
            SandboxOptions.builder()
                .snapshot("warm")
                .persistent(true)
                .autoResume(false)
                .undo(4)
                .build());
    assertThat(made.id()).isEqualTo("sbx_1");
    assertThat(server.seen().getLast().body())
        .isEqualTo("{\"persistent\":true,\"auto_resume\":false,\"undo\":4,\"snapshot\":\"warm\"}");
    assertThat(made.undo(3).undo()).contains(new SandboxInfo.Undo(8, 2));
    assertThat(server.seen().getLast().body()).isEqualTo("{\"n\":3}");
    assertThat(server.seen().getLast().header("Idempotency-Key")).isPresent();
    assertThat(made.rollback("warm").persistent()).isTrue();
    assertThat(server.seen().getLast().body()).isEqualTo("{\"snapshot\":\"warm\"}");
    assertThat(made.patch(SandboxPatch.NOTHING.withAutoResume(true)).autoResume()).isTrue();
    assertThat(server.seen().getLast().body()).isEqualTo("{\"auto_resume\":true}");
  }
}
