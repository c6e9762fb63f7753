package dev.podflare.server;

import static dev.podflare.server.testing.ApiClient.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.ApiClient;
import dev.podflare.server.testing.TestServer;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Secrets and clones over HTTP; each answer is checked against the contract. */
class SecretRoutesTest {
  private static final String VALUE = "sk-of-nobody-else";
  private static final String GOOD =
      "{\"hosts\":[\"api.example\"],\"header\":\"Authorization\",\"value\":\"" + VALUE + "\"}";

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
  void secretsAreSetListedAndRevokedAndNeverShown() {
    Answer set = api.call("PUT", sandbox + "/secrets/API_KEY", GOOD);
    assertThat(set.status()).isEqualTo(200);
    assertThat(set.text()).doesNotContain(VALUE);
    assertThat(json(set).get("header").stringValue()).isEqualTo("Authorization");
    Answer list = api.get(sandbox + "/secrets");
    assertThat(json(list).get("secrets")).hasSize(1);
    assertThat(list.text()).doesNotContain(VALUE);
    assertThat(api.call("DELETE", sandbox + "/secrets/API_KEY", "").status()).isEqualTo(204);
    Answer gone = api.call("DELETE", sandbox + "/secrets/API_KEY", "");
    assertThat(gone.status()).isEqualTo(404);
    assertThat(json(gone).get("code").stringValue()).isEqualTo("secret_not_found");
  }

  @Test
  void whatIsNoSecretIsRefusedWithoutItsValue() {
    for (String body :
        List.of(
            "{\"hosts\":[\"a.example\"],\"value\":\"" + VALUE + "\"}",
            GOOD.replace("}", ",\"query\":\"k\"}"),
            "{\"hosts\":[\"a.example\"],\"header\":\"X\"}",
            "{\"hosts\":[\"a.example\"],\"header\":\"X\",\"value\":{\"a\":\"" + VALUE + "\"}}",
            "{\"hosts\":\"" + VALUE + "\",\"header\":\"X\",\"value\":\"x\"}",
            "{\"value\":\"" + VALUE + "\"")) {
      Answer refused = api.call("PUT", sandbox + "/secrets/A", body);
      assertThat(refused.status()).as(body).isEqualTo(400);
      assertThat(refused.text()).doesNotContain(VALUE);
    }
    String named = GOOD.replace("{\"hosts", "{\"name\":\"A\",\"hosts");
    assertThat(api.post("/v1/sandboxes", "{\"secrets\":[" + named + "]}").status()).isEqualTo(200);
    assertThat(test.engine.lastCreate().secrets()).hasSize(1);
    assertThat(test.engine.lastCreate().toString()).doesNotContain(VALUE);
    for (String body :
        List.of(
            "{\"secrets\":[" + GOOD + "]}",
            "{\"secrets\":{}}",
            "{\"secrets\":[1]}",
            "{\"snapshot\":\"s\",\"secrets\":[" + named + "]}")) {
      assertThat(api.post("/v1/sandboxes", body).status()).as(body).isEqualTo(400);
    }
  }

  @Test
  void aCloneTakesACredentialOfOneKind() {
    String clone = sandbox + "/git/clone";
    String url = "{\"url\":\"https://git.example/a.git\"";
    Answer done = api.post(clone, url + ",\"ref\":\"main\",\"credential\":{\"token\":\"t\"}}");
    assertThat(done.status()).isEqualTo(200);
    assertThat(json(done).get("branch").stringValue()).isEqualTo("main");
    for (String body :
        List.of(
            "{}",
            url + ",\"credential\":{}}",
            url + ",\"credential\":{\"password\":\"p\"}}",
            url + ",\"credential\":{\"username\":\"u\",\"password\":\"p\",\"token\":\"t\"}}",
            url + ",\"depth\":0}")) {
      assertThat(api.post(clone, body).status()).as(body).isEqualTo(400);
    }
  }
}
