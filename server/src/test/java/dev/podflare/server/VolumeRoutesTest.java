package dev.podflare.server;

import static dev.podflare.server.testing.ApiClient.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.engine.MountRequest;
import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.ApiClient;
import dev.podflare.server.testing.TestServer;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Volumes over HTTP; each answer is checked against the contract. */
class VolumeRoutesTest {
  private static final String ALL = "/v1/volumes";

  @TempDir Path folder;
  private TestServer test;
  private ApiClient api;

  @BeforeEach
  void start() {
    test = TestServer.start(folder);
    api = test.admin;
  }

  @AfterEach
  void stop() {
    test.close();
  }

  @Test
  void volumesAreMadeOnceListedAndDeleted() {
    String body = "{\"name\":\"data\",\"max_mib\":5}";
    Answer made = api.post(ALL, body, "Idempotency-Key", "once");
    assertThat(made.status()).isEqualTo(200);
    assertThat(json(made).get("max_bytes").longValue()).isEqualTo(5L << 20);
    assertThat(api.post(ALL, body, "Idempotency-Key", "once").status()).isEqualTo(200);
    Answer again = api.post(ALL, body);
    assertThat(again.status()).isEqualTo(409);
    assertThat(json(again).get("code").stringValue()).isEqualTo("volume_exists");
    assertThat(json(api.get(ALL)).get("volumes")).hasSize(1);
    assertThat(json(api.get(ALL + "/data")).get("id")).isEqualTo(json(made).get("id"));
    assertThat(api.call("DELETE", ALL + "/data", "").status()).isEqualTo(204);
    assertThat(api.call("DELETE", ALL + "/data", "").status()).isEqualTo(204);
    assertThat(api.get(ALL + "/data").status()).isEqualTo(404);
  }

  @Test
  void oneInUseIsDeletedByForceOnly() {
    assertThat(api.post(ALL, "{\"name\":\"used\"}").status()).isEqualTo(200);
    Answer refused = api.call("DELETE", ALL + "/used", "");
    assertThat(refused.status()).isEqualTo(409);
    assertThat(json(refused).get("code").stringValue()).isEqualTo("volume_in_use");
    assertThat(api.call("DELETE", ALL + "/used?force=perhaps", "").status()).isEqualTo(400);
    assertThat(api.call("DELETE", ALL + "/used?force=true", "").status()).isEqualTo(204);
  }

  @Test
  void aCreateSaysWhatIsMountedWhere() {
    assertThat(api.post(ALL, "{\"name\":\"data\"}").status()).isEqualTo(200);
    Answer made =
        api.post(
            "/v1/sandboxes",
            "{\"mounts\":[{\"volume\":\"data\",\"path\":\"/mnt/a\",\"read_only\":true}]}");
    assertThat(made.status()).isEqualTo(200);
    assertThat(json(made).get("mounts").get(0).get("path").stringValue()).isEqualTo("/mnt/a");
    assertThat(test.engine.lastCreate().mounts())
        .containsExactly(new MountRequest("data", "/mnt/a", true, false));
    String one = "/v1/sandboxes/" + json(made).get("id").stringValue();
    assertThat(json(api.get(one)).get("mounts").get(0).get("read_only").booleanValue()).isTrue();
    Answer missing =
        api.post("/v1/sandboxes", "{\"mounts\":[{\"volume\":\"none\",\"path\":\"/mnt/a\"}]}");
    assertThat(json(missing).get("code").stringValue()).isEqualTo("volume_not_found");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "/v1/volumes   | {}",
        "/v1/volumes   | {'name':''}",
        "/v1/volumes   | {'name':7}",
        "/v1/volumes   | {'name':'x','max_mib':0}",
        "/v1/volumes   | {'name':'x','max_mib':'all'}",
        "/v1/sandboxes | {'mounts':{}}",
        "/v1/sandboxes | {'mounts':['data']}",
        "/v1/sandboxes | {'mounts':[{'volume':'data'}]}",
        "/v1/sandboxes | {'mounts':[{'path':'/mnt'}]}",
        "/v1/sandboxes | {'mounts':[{'volume':'data','path':'/mnt','read_only':1}]}",
        "/v1/sandboxes | {'snapshot':'s','mounts':[{'volume':'data','path':'/mnt'}]}"
      })
  void whatMakesNoSenseIsRefused(String path, String body) {
    Answer answer = api.post(path, body.replace('\'', '"'));
    assertThat(answer.status()).isEqualTo(400);
    assertThat(json(answer).get("code").stringValue()).isEqualTo("invalid_field");
  }
}
