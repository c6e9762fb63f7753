package dev.podflare.server;

import static dev.podflare.server.testing.ApiClient.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.ApiClient;
import dev.podflare.server.testing.TestServer;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** Sandboxes that stand still, Spaces and snapshots; each answer is held against the contract. */
class SavedRoutesTest {
  private static final String NOBODY = "0".repeat(32);

  @TempDir Path folder;
  private TestServer test;
  private ApiClient api;
  private String id;

  @BeforeEach
  void start() {
    test = TestServer.start(folder);
    api = key("[]");
    id =
        json(api.post("/v1/sandboxes", "{\"persistent\":true,\"metadata\":{\"a\":\"b\"}}"))
            .get("id")
            .stringValue();
  }

  @AfterEach
  void stop() {
    api.close();
    test.close();
  }

  private ApiClient key(String scopes) {
    String body = "{\"name\":\"n\",\"scopes\":" + scopes + "}";
    return test.client(json(test.admin.post("/v1/keys", body)).get("key").stringValue());
  }

  private String one(String rest) {
    return "/v1/sandboxes/" + id + rest;
  }

  private static String text(JsonNode object, String field) {
    return object.get(field).stringValue();
  }

  private String freeze() {
    return text(json(api.post(one("/freeze"), "")), "id");
  }

  private String snapshot(String body) {
    return text(json(api.post(one("/snapshots"), body)), "id");
  }

  @Test
  void aSandboxIsPausedAndGoesOn() {
    JsonNode paused = json(api.post(one("/pause"), ""));
    assertThat(text(paused, "state")).isEqualTo("paused");
    assertThat(paused.get("auto_resume").booleanValue()).isTrue();
    assertThat(json(api.get("/v1/sandboxes?state=paused")).get("sandboxes")).hasSize(1);
    assertThat(text(json(api.post(one("/pause"), "{}")), "state")).isEqualTo("paused");
    assertThat(text(json(api.post(one("/resume"), "")), "state")).isEqualTo("ready");
    assertThat(text(json(api.post(one("/resume"), "{}")), "state")).isEqualTo("ready");
  }

  @Test
  void aFrozenSandboxIsASpaceThatTellsWhoseItIs() {
    JsonNode space = json(api.post(one("/freeze"), ""));
    assertThat(text(space, "id")).startsWith("spc_");
    assertThat(text(space, "sandbox_id")).isEqualTo(id);
    assertThat(text(space.get("metadata"), "a")).isEqualTo("b");
    assertThat(space.get("expires_at").isNull()).isTrue();
    assertThat(space.get("stored_bytes").longValue()).isPositive();
    assertThat(space.get("any_node").booleanValue()).isTrue();
    assertThat(text(json(api.get(one(""))), "state")).isEqualTo("frozen");
    assertThat(json(api.get("/v1/sandboxes?state=frozen")).get("sandboxes")).hasSize(1);
    assertThat(json(api.get("/v1/spaces")).get("spaces")).containsExactly(space);
    assertThat(json(api.get("/r/eu/v1/spaces/" + text(space, "id")))).isEqualTo(space);
  }

  @Test
  void aSpaceGoesOnAsANewSandboxAndIsUsedUp() {
    String space = "/v1/spaces/" + freeze();
    JsonNode kept = json(api.post(space + "/resume", "{\"keep\":true}"));
    assertThat(text(kept, "id")).startsWith("sbx_").isNotEqualTo(id);
    assertThat(text(kept, "state")).isEqualTo("ready");
    assertThat(text(kept, "source")).isEqualTo("restore");
    assertThat(api.get(space).status()).isEqualTo(200);
    JsonNode next =
        json(
            api.post(
                space + "/resume",
                "{\"timeout_seconds\":60,\"idle_timeout_seconds\":5,\"persistent\":false,"
                    + "\"auto_resume\":true,\"egress\":false,\"metadata\":{\"c\":\"d\"}}"));
    assertThat(next.get("timeout_seconds").intValue()).isEqualTo(60);
    assertThat(next.get("idle_timeout_seconds").intValue()).isEqualTo(5);
    assertThat(next.get("persistent").booleanValue()).isFalse();
    assertThat(next.get("auto_resume").booleanValue()).isTrue();
    assertThat(text(next.get("network"), "dns")).isEqualTo("off");
    assertThat(text(next.get("metadata"), "c")).isEqualTo("d");
    for (Answer gone : List.of(api.get(space), api.post(space + "/resume", ""))) {
      assertThat(gone.status()).isEqualTo(404);
      assertThat(text(json(gone), "code")).isEqualTo("space_not_found");
    }
  }

  @Test
  void aResumeIsRepeatedWithItsIdempotencyKey() {
    String resume = "/v1/spaces/" + freeze() + "/resume";
    Answer first = api.post(resume, "{}", "Idempotency-Key", "k");
    Answer again = api.post(resume, "{}", "Idempotency-Key", "k");
    assertThat(first.header("idempotency-replayed")).isEmpty();
    assertThat(again.header("idempotency-replayed")).contains("true");
    assertThat(json(again)).isEqualTo(json(first));
    assertThat(json(api.get("/v1/sandboxes?state=ready")).get("sandboxes")).hasSize(1);
    Answer other = api.post(resume, "{\"keep\":true}", "Idempotency-Key", "k");
    assertThat(text(json(other), "code")).isEqualTo("idempotency_conflict");
  }

  @Test
  void aSpaceIsDeletedAsOftenAsOneLikes() {
    String space = "/v1/spaces/" + freeze();
    assertThat(api.call("DELETE", space, "").status()).isEqualTo(204);
    assertThat(api.call("DELETE", space, "").status()).isEqualTo(204);
    assertThat(api.get(space).status()).isEqualTo(404);
    assertThat(json(api.get("/v1/spaces")).get("spaces")).isEmpty();
  }

  @Test
  void aSnapshotIsTakenByNameAndListed() {
    Instant before = Instant.now();
    JsonNode named =
        json(api.post(one("/snapshots"), "{\"name\":\"wärm\",\"expires_in_seconds\":60}"));
    assertThat(text(named, "id")).startsWith("snp_");
    assertThat(text(named, "name")).isEqualTo("wärm");
    assertThat(text(named, "sandbox_id")).isEqualTo(id);
    assertThat(Instant.parse(text(named, "expires_at")))
        .isBetween(before.plusSeconds(60), before.plus(Duration.ofMinutes(2)));
    JsonNode nameless = json(api.post(one("/snapshots"), ""));
    assertThat(nameless.get("name").isNull()).isTrue();
    assertThat(nameless.get("expires_at").isNull()).isTrue();
    assertThat(json(api.get("/v1/snapshots")).get("snapshots")).containsExactly(named, nameless);
    assertThat(text(json(api.get(one(""))), "state")).isEqualTo("ready");
    Answer taken = api.post(one("/snapshots"), "{\"name\":\"wärm\"}");
    assertThat(taken.status()).isEqualTo(409);
    assertThat(text(json(taken), "code")).isEqualTo("snapshot_exists");
  }

  @Test
  void aSnapshotIsTakenOnceForEachIdempotencyKey() {
    String body = "{\"name\":\"a\"}";
    Answer first = api.post(one("/snapshots"), body, "Idempotency-Key", "k");
    Answer again = api.post(one("/snapshots"), body, "Idempotency-Key", "k");
    assertThat(json(again)).isEqualTo(json(first));
    assertThat(json(api.get("/v1/snapshots")).get("snapshots")).hasSize(1);
    Answer refused = api.post(one("/snapshots"), body, "Idempotency-Key", "l");
    assertThat(refused.status()).isEqualTo(409);
  }

  @Test
  void sandboxesGoOnFromASnapshot() {
    String snapshot = snapshot("{\"name\":\"warm\"}");
    JsonNode byName =
        json(api.post("/v1/sandboxes", "{\"snapshot\":\"warm\",\"timeout_seconds\":60}"));
    assertThat(text(byName, "source")).isEqualTo("snapshot");
    assertThat(byName.get("timeout_seconds").intValue()).isEqualTo(60);
    assertThat(text(byName.get("metadata"), "a")).isEqualTo("b");
    JsonNode byId =
        json(
            api.post(
                "/v1/sandboxes",
                "{\"snapshot\":\"" + snapshot + "\",\"template\":null,\"egress\":false}"));
    assertThat(text(byId.get("network"), "default")).isEqualTo("deny");
    assertThat(text(byId, "id")).isNotEqualTo(text(byName, "id"));
    assertThat(text(json(api.post(one("/rollback"), "{\"snapshot\":\"warm\"}")), "id"))
        .isEqualTo(id);
    assertThat(api.call("DELETE", "/v1/snapshots/" + snapshot, "").status()).isEqualTo(204);
    assertThat(api.call("DELETE", "/v1/snapshots/" + snapshot, "").status()).isEqualTo(204);
    for (Answer gone :
        List.of(
            api.post("/v1/sandboxes", "{\"snapshot\":\"warm\"}"),
            api.post(one("/rollback"), "{\"snapshot\":\"" + snapshot + "\"}"))) {
      assertThat(gone.status()).isEqualTo(404);
      assertThat(text(json(gone), "code")).isEqualTo("snapshot_not_found");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "snapshots | {'name':''}                 | invalid_field",
        "snapshots | {'name':1}                  | invalid_field",
        "snapshots | {'expires_in_seconds':0}    | invalid_field",
        "snapshots | {'expires_in_seconds':'1d'} | invalid_field",
        "snapshots | []                          | invalid_json",
        "rollback  | {}                          | invalid_field",
        "rollback  | {'snapshot':null}           | invalid_field",
        "rollback  | {'snapshot':['a']}          | invalid_field",
        "undo      | {'n':0}                     | invalid_field",
        "undo      | {'n':'all'}                 | invalid_field",
        "undo      | []                          | invalid_json",
        "resume    | {'undo':0}                  | invalid_field",
        "resume    | {'keep':1}                  | invalid_field",
        "resume    | {'persistent':'yes'}        | invalid_field",
        "resume    | {'timeout_seconds':0}       | invalid_field",
        "resume    | {'metadata':{'':'x'}}       | invalid_field",
        "resume    | {'network':{'proxy':1}}     | unknown_policy_field",
        "resume    | {'egress':true,'network':{'default':'deny'}} | invalid_field",
        "create    | {'snapshot':''}             | invalid_field",
        "create    | {'template':'default'}      | invalid_field",
        "create    | {'vcpus':1}                 | invalid_field",
        "create    | {'ram_mib':512}             | invalid_field",
        "create    | {'rootfs_gb':8}             | invalid_field",
        "create    | {'env':{'A':'b'}}           | invalid_field"
      })
  void aWrongBodyHasNoEffect(String call, String quoted, String code) {
    String snapshot = snapshot("{\"name\":\"warm\"}");
    String body = quoted.replace('\'', '"');
    String space = freeze();
    Answer refused =
        switch (call) {
          case "resume" -> api.post("/v1/spaces/" + space + "/resume", body);
          case "create" ->
              api.post(
                  "/v1/sandboxes",
                  body.contains("snapshot")
                      ? body
                      : "{\"snapshot\":\"" + snapshot + "\"," + body.substring(1));
          default -> api.post(one("/" + call), body);
        };
    assertThat(refused.status()).isEqualTo(400);
    assertThat(text(json(refused), "code")).isEqualTo(code);
    assertThat(json(api.get("/v1/sandboxes")).get("sandboxes")).hasSize(1);
    assertThat(json(api.get("/v1/spaces")).get("spaces")).hasSize(1);
    assertThat(json(api.get("/v1/snapshots")).get("snapshots")).hasSize(1);
  }

  @Test
  void callsAreUndoneOnceForEachKeyOfARequest() {
    assertThat(json(api.get("/v1/sandboxes/" + id)).get("undo").isNull()).isTrue();
    Answer none = api.post(one("/undo"), "");
    assertThat(none.status()).isEqualTo(409);
    assertThat(text(json(none), "code")).isEqualTo("nothing_to_undo");
    assertThat(json(none).get("details").get("available").intValue()).isZero();

    JsonNode made = json(api.post("/v1/sandboxes", "{\"undo\":8}"));
    String undo = "/v1/sandboxes/" + text(made, "id") + "/undo";
    assertThat(made.get("undo").get("keep").intValue()).isEqualTo(8);
    assertThat(json(api.post(undo, "")).get("undo").get("available").intValue()).isEqualTo(4);
    assertThat(test.engine.undone()).isEqualTo(1);
    for (int i = 0; i < 2; i++) {
      Answer answer = api.post(undo, "{\"n\":3}", "Idempotency-Key", "once");
      assertThat(answer.status()).isEqualTo(200);
      assertThat(test.engine.undone()).isEqualTo(4);
    }
    assertThat(api.post(undo, "{\"n\":5}").status()).isEqualTo(409);
  }

  @Test
  void whatIsNotThereIsNamed() {
    String nobody = "/v1/sandboxes/sbx_" + NOBODY;
    for (String call : List.of("/pause", "/resume", "/freeze", "/snapshots")) {
      Answer answer = api.post(nobody + call, "");
      assertThat(answer.status()).as(call).isEqualTo(404);
      assertThat(text(json(answer), "code")).isEqualTo("sandbox_not_found");
    }
    assertThat(api.get("/v1/spaces/spc_" + NOBODY).status()).isEqualTo(404);
    assertThat(api.post("/v1/spaces/spc_" + NOBODY + "/resume", "").status()).isEqualTo(404);
    assertThat(api.post(one("/rollback"), "{\"snapshot\":\"x\"}").status()).isEqualTo(404);
    assertThat(api.call("DELETE", "/v1/spaces/spc_" + NOBODY, "").status()).isEqualTo(204);
    assertThat(api.call("DELETE", "/v1/snapshots/snp_" + NOBODY, "").status()).isEqualTo(204);
    assertThat(api.get("/v1/snapshots/snp_" + NOBODY).status()).isEqualTo(405);
  }

  @Test
  void oneKeySeesNothingOfAnother() {
    String snapshot = snapshot("{\"name\":\"warm\"}");
    String space = freeze();
    try (ApiClient stranger = key("[]")) {
      for (String call : List.of("/pause", "/resume", "/freeze", "/snapshots")) {
        assertThat(stranger.post(one(call), "").status()).as(call).isEqualTo(404);
      }
      assertThat(json(stranger.get("/v1/spaces")).get("spaces")).isEmpty();
      assertThat(json(stranger.get("/v1/snapshots")).get("snapshots")).isEmpty();
      assertThat(stranger.get("/v1/spaces/" + space).status()).isEqualTo(404);
      assertThat(stranger.post("/v1/spaces/" + space + "/resume", "").status()).isEqualTo(404);
      for (String which : List.of(snapshot, "warm")) {
        Answer create = stranger.post("/v1/sandboxes", "{\"snapshot\":\"" + which + "\"}");
        assertThat(text(json(create), "code")).isEqualTo("snapshot_not_found");
      }
      stranger.call("DELETE", "/v1/spaces/" + space, "");
      stranger.call("DELETE", "/v1/snapshots/" + snapshot, "");
    }
    assertThat(json(test.admin.get("/v1/spaces")).get("spaces")).hasSize(1);
    assertThat(json(test.admin.get("/v1/snapshots")).get("snapshots")).hasSize(1);
    assertThat(test.admin.get("/v1/spaces/" + space).status()).isEqualTo(200);
  }

  @Test
  void scopesHold() {
    String space = "/v1/spaces/" + freeze();
    try (ApiClient reader = key("[\"read\",\"exec\"]");
        ApiClient writer = key("[\"write\"]")) {
      for (String call :
          List.of("/pause", "/resume", "/freeze", "/snapshots", "/rollback", "/undo")) {
        assertThat(reader.post(one(call), "{\"snapshot\":\"a\"}").status()).as(call).isEqualTo(403);
        assertThat(writer.post(one(call), "{\"snapshot\":\"a\"}").status()).as(call).isEqualTo(404);
      }
      assertThat(reader.post(space + "/resume", "").status()).isEqualTo(403);
      assertThat(reader.call("DELETE", space, "").status()).isEqualTo(403);
      assertThat(reader.call("DELETE", "/v1/snapshots/snp_" + NOBODY, "").status()).isEqualTo(403);
      assertThat(reader.get("/v1/spaces").status()).isEqualTo(200);
      assertThat(reader.get("/v1/snapshots").status()).isEqualTo(200);
      assertThat(writer.get("/v1/spaces").status()).isEqualTo(403);
      assertThat(writer.get(space).status()).isEqualTo(403);
      assertThat(writer.get("/v1/snapshots").status()).isEqualTo(403);
    }
  }

  @Test
  void onlyAdminsCleanTheStore() {
    Answer refused = api.post("/v1/gc", "");
    assertThat(refused.status()).isEqualTo(403);
    JsonNode done = json(test.admin.post("/v1/gc", ""));
    assertThat(done.get("freed_bytes").intValue()).isEqualTo(3);
  }
}
