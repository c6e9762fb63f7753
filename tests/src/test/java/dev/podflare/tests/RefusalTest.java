package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.Capacity;
import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.ApiClient;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** What is refused is refused at once, says why, and has no effect. */
@OnPlatform
@Order(10)
class RefusalTest {
  private static final String SANDBOXES = "/v1/sandboxes";
  private final TestPlatform platform;

  RefusalTest(TestPlatform platform) {
    this.platform = platform;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"ram_mib\":16385} | 16384",
        "{\"ram_mib\":255} | 256",
        "{\"vcpus\":17} | 16",
        "{\"rootfs_gb\":65} | 64",
        "{\"timeout_seconds\":604801} | 604800",
        "{\"idle_timeout_seconds\":604801} | 604800"
      })
  void aValueOverItsCapIsRefusedWithTheCap(String body, String cap) {
    Capacity before = platform.client.capacity();
    JsonNode refusal = refused(platform.api.post(SANDBOXES, body), 400, "invalid_field");
    assertThat(refusal.get("error").stringValue()).contains(cap);
    assertThat(platform.client.capacity().sandboxes()).isEqualTo(before.sandboxes());
  }

  @Test
  void whatNobodyFrozeOrSavedIsNotFound() {
    Capacity before = platform.client.capacity();
    String snapshot = "snp_00000000000000000000000000000000";
    refused(
        platform.api.post(SANDBOXES, "{\"snapshot\":\"" + snapshot + "\"}"),
        404,
        "snapshot_not_found");
    refused(
        platform.api.post("/v1/spaces/spc_00000000000000000000000000000000/resume", ""),
        404,
        "space_not_found");
    assertThat(platform.client.capacity().sandboxes()).isEqualTo(before.sandboxes());
  }

  @Test
  void aSnapshotIsTakenAsItIs() {
    String body = "{\"snapshot\":\"any\",\"ram_mib\":512}";
    JsonNode refusal = refused(platform.api.post(SANDBOXES, body), 400, "invalid_field");
    assertThat(refusal.get("error").stringValue()).contains("ram_mib");
  }

  @Test
  void laterCallsOfASandboxAreNotAvailableYet() {
    String id = platform.api.create();
    String path = SANDBOXES + "/" + id;
    refused(platform.api.get(path + "/metrics"), 501, "not_available_yet");
    assertThat(platform.api.get(path).status()).isEqualTo(200);
    platform.client.sandbox(id).delete();
  }

  @Test
  void anUnknownPolicyFieldIsNotDropped() {
    refused(
        platform.api.post(SANDBOXES, "{\"network\":{\"default\":\"deny\",\"only\":1}}"),
        400,
        "unknown_policy_field");
  }

  @Test
  void anUnknownTemplateIsNamed() {
    JsonNode refusal =
        refused(platform.api.post(SANDBOXES, "{\"template\":\"nope\"}"), 404, "template_not_found");
    assertThat(refusal.get("error").stringValue()).contains("nope");
    assertThat(refusal.at("/details/templates").toString()).contains(TestTemplates.NAME);
  }

  @Test
  void aKeysOwnLimitHolds() {
    JsonNode key =
        ApiClient.json(
            platform.api.post(
                "/v1/keys",
                "{\"name\":\"small\",\"limits\":{\"max_sandboxes\":1,\"max_memory_mib\":600}}"));
    ApiClient small = platform.api.withKey(key.get("key").stringValue());
    try {
      refused(small.post(SANDBOXES, "{\"ram_mib\":1024}"), 429, "too_much_memory");
      String id = small.create();
      JsonNode refusal = refused(small.post(SANDBOXES, "{}"), 429, "too_many_sandboxes");
      assertThat(refusal.at("/details/max_sandboxes").intValue()).isEqualTo(1);
      small.call("DELETE", SANDBOXES + "/" + id, "");
      String next = small.create();
      small.call("DELETE", SANDBOXES + "/" + next, "");
    } finally {
      small.close();
      platform.api.call("DELETE", "/v1/keys/" + key.get("id").stringValue(), "");
    }
  }

  @Test
  void aKeyThatHasStoredEnoughStoresNoMore() {
    JsonNode key =
        ApiClient.json(
            platform.api.post("/v1/keys", "{\"name\":\"few\",\"limits\":{\"max_stored_mib\":1}}"));
    ApiClient few = platform.api.withKey(key.get("key").stringValue());
    try {
      String id = few.create();
      String sandbox = SANDBOXES + "/" + id;
      String much = "{\"code\":\"import os; x = os.urandom(2000000)\",\"language\":\"python\"}";
      assertThat(few.post(sandbox + "/exec", much).status()).isEqualTo(200);
      JsonNode first = ApiClient.json(few.post(sandbox + "/snapshots", "{}"));
      JsonNode refusal = refused(few.post(sandbox + "/snapshots", "{}"), 429, "too_much_stored");
      assertThat(refusal.at("/details/max_stored_bytes").intValue()).isEqualTo(1 << 20);
      refused(few.post(sandbox + "/freeze", ""), 429, "too_much_stored");
      assertThat(ApiClient.json(few.get(sandbox)).get("state").stringValue()).isEqualTo("ready");
      few.call("DELETE", "/v1/snapshots/" + first.get("id").stringValue(), "");
      assertThat(few.post(sandbox + "/freeze", "").status()).isEqualTo(200);
      few.call("DELETE", sandbox, "");
    } finally {
      few.close();
      platform.api.call("DELETE", "/v1/keys/" + key.get("id").stringValue(), "");
    }
  }

  @Test
  void withoutAKeyOrWithAWrongOneThereIsNothing() {
    for (Map.Entry<String, String> each :
        List.of(
            Map.entry("", "missing_authorization"), Map.entry("pf_live_x", "invalid_api_key"))) {
      try (ApiClient nobody = platform.api.withKey(each.getKey())) {
        refused(nobody.get(SANDBOXES), 401, each.getValue());
        refused(nobody.post(SANDBOXES, "{}"), 401, each.getValue());
      }
    }
  }

  private static JsonNode refused(Answer answer, int status, String code) {
    assertThat(answer.status()).as(answer.text()).isEqualTo(status);
    JsonNode body = ApiClient.json(answer);
    assertThat(body.get("code").stringValue()).isEqualTo(code);
    return body;
  }
}
