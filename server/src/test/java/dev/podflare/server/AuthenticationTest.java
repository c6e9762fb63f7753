package dev.podflare.server;

import static dev.podflare.server.testing.ApiClient.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.ApiClient;
import dev.podflare.server.testing.TestServer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class AuthenticationTest {
  @TempDir Path folder;

  @Test
  void theAdminKeyIsMadeOnceAndOnlyItsOwnerCanReadIt() throws Exception {
    Path file = folder.resolve("admin.key");
    String key;
    try (TestServer test = TestServer.start(folder)) {
      key = test.server.newAdminKey().orElseThrow();
      assertThat(key).matches("pf_live_[0-9A-Za-z]{32}");
      assertThat(Files.readString(file)).isEqualTo(key + "\n");
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
          .isEqualTo("rw-------");
    }
    try (TestServer test = TestServer.start(folder)) {
      assertThat(test.server.newAdminKey()).isEmpty();
      assertThat(test.client(key).get("/v1/keys").status()).isEqualTo(200);
    }
    Files.writeString(file, "\n");
    assertThatThrownBy(() -> AdminKeyFile.open(folder))
        .isInstanceOfSatisfying(
            PodflareException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_CONFIG))
        .hasMessageContaining("delete it");
  }

  @Test
  void strangersHearOneOfTwoSentences() {
    try (TestServer test = TestServer.start(folder)) {
      ApiClient nobody = test.client("");
      assertThat(nobody.get("/v1/healthz").text()).isEqualTo("ok");
      assertThat(nobody.get("/r/eu/v1/healthz").text()).isEqualTo("ok");
      for (String path : List.of("/v1/info", "/metrics", "/v1/unknown", "/r/eu/v1/sandboxes")) {
        Answer missing = nobody.get(path);
        assertThat(missing.status()).as(path).isEqualTo(401);
        assertThat(json(missing).get("error").stringValue())
            .isEqualTo("missing Authorization: Bearer <key>");
      }
      for (String wrong : List.of("Basic abc", "Bearer", "Bearer ", "pf_live_x")) {
        Answer missing = nobody.call("GET", "/v1/info", "", "Authorization", wrong);
        assertThat(json(missing).get("code").stringValue()).isEqualTo("missing_authorization");
      }
      for (String wrong : List.of("pf_live_wrong", "x".repeat(5000), "key")) {
        Answer invalid = test.client(wrong).get("/v1/info");
        assertThat(invalid.status()).isEqualTo(401);
        assertThat(json(invalid).get("error").stringValue()).isEqualTo("invalid api key");
      }
    }
  }

  @Test
  void aKeyDoesWhatItsScopesSayUntilItIsRevoked() {
    try (TestServer test = TestServer.start(folder)) {
      JsonNode made =
          json(
              test.admin.post(
                  "/v1/keys",
                  """
                  {"name":"ci","scopes":["read"],
                   "limits":{"max_sandboxes":3,"max_memory_mib":4096,"requests_per_minute":600,
                             "max_stored_mib":9}}
                  """));
      assertThat(made.get("limits").get("max_sandboxes").intValue()).isEqualTo(3);
      assertThat(made.get("limits").get("max_stored_mib").intValue()).isEqualTo(9);
      ApiClient reader = test.client(made.get("key").stringValue());
      assertThat(reader.get("/v1/sandboxes").status()).isEqualTo(200);
      Answer refused = reader.post("/v1/sandboxes", "{}");
      assertThat(refused.status()).isEqualTo(403);
      assertThat(refused.text()).contains("write");
      assertThat(reader.get("/v1/keys").status()).isEqualTo(403);
      assertThat(reader.post("/v1/keys", "{\"name\":\"x\"}").status()).isEqualTo(403);

      JsonNode list = json(test.admin.get("/v1/keys"));
      assertThat(list.get("keys")).hasSize(1);
      assertThat(list.get("keys").get(0).has("key")).isFalse();
      assertThat(list.get("fixed_key_ids").get(0).stringValue()).isEqualTo("key_admin");

      String one = "/v1/keys/" + made.get("id").stringValue();
      assertThat(test.admin.call("DELETE", one, "").status()).isEqualTo(204);
      assertThat(test.admin.call("DELETE", one, "").status()).isEqualTo(404);
      assertThat(reader.get("/v1/sandboxes").status()).isEqualTo(401);
      assertThat(test.admin.call("DELETE", "/v1/keys/key_admin", "").status()).isEqualTo(403);
    }
  }

  @Test
  void aRepeatedRequestForAKeyMakesNoSecondAndNeverStoresItsText() throws Exception {
    String text;
    try (TestServer test = TestServer.start(folder)) {
      JsonNode first =
          json(test.admin.post("/v1/keys", "{\"name\":\"a\"}", "Idempotency-Key", "k"));
      JsonNode second =
          json(test.admin.post("/v1/keys", "{\"name\":\"a\"}", "Idempotency-Key", "k"));
      text = first.get("key").stringValue();
      assertThat(second.get("id")).isEqualTo(first.get("id"));
      assertThat(second.get("key").isNull()).isTrue();
      assertThat(json(test.admin.get("/v1/keys")).get("keys")).hasSize(1);
    }
    try (var files = Files.list(folder)) {
      for (Path file : files.toList()) {
        assertThat(Files.readString(file, java.nio.charset.StandardCharsets.ISO_8859_1))
            .as(file.toString())
            .doesNotContain(text);
      }
    }
  }

  @Test
  void limitsThatWouldNotBeKeptAreRefused() {
    try (TestServer test = TestServer.start(folder)) {
      for (String body :
          List.of(
              "{}",
              "{\"name\":\"x\",\"scopes\":[\"root\"]}",
              "{\"name\":\"x\",\"scopes\":\"read\"}",
              "{\"name\":\"x\",\"limits\":{\"cpu\":1}}",
              "{\"name\":\"x\",\"limits\":{\"max_sandboxes\":0}}")) {
        assertThat(test.admin.post("/v1/keys", body).status()).as(body).isEqualTo(400);
      }
      assertThat(test.store.keys().list()).isEmpty();
    }
  }

  @Test
  void theLimitsOfAKeyReachTheEngine() {
    try (TestServer test = TestServer.start(folder)) {
      Authenticator authenticator =
          new Authenticator(
              ServerConfig.of("127.0.0.1", 0, folder), Optional.empty(), test.store.keys());
      String text =
          json(test.admin.post("/v1/keys", "{\"name\":\"x\",\"limits\":{\"max_memory_mib\":64}}"))
              .get("key")
              .stringValue();
      Identity identity = authenticator.authenticate("bearer " + text);
      assertThat(identity.caller().maxMemoryMebibytes()).isEqualTo(OptionalLong.of(64));
      assertThat(identity.caller().maxSandboxes()).isEmpty();
      assertThat(identity.caller().admin()).isFalse();
    }
  }

  @Test
  void requestsAMinuteAreCountedByKey() {
    try (TestServer test = TestServer.start(folder)) {
      ApiClient slow =
          test.client(
              json(test.admin.post(
                      "/v1/keys", "{\"name\":\"x\",\"limits\":{\"requests_per_minute\":2}}"))
                  .get("key")
                  .stringValue());
      assertThat(slow.get("/v1/info").status()).isEqualTo(200);
      assertThat(slow.get("/v1/info").status()).isEqualTo(200);
      Answer limited = slow.get("/v1/info");
      assertThat(limited.status()).isEqualTo(429);
      assertThat(Integer.parseInt(limited.header("retry-after").orElseThrow())).isBetween(1, 31);
      assertThat(test.admin.get("/v1/info").status()).isEqualTo(200);
    }
  }

  @Test
  void authenticationIsSwitchedOffOnLoopbackOnly() {
    assertThatThrownBy(() -> open("0.0.0.0", folder)).hasMessageContaining("loopback");
    assertThatThrownBy(() -> open("::", folder)).hasMessageContaining("loopback");
    ServerConfig config = open("127.0.0.1", folder);
    try (TestServer test = TestServer.start(folder, config.limits(), given -> config)) {
      assertThat(test.server.newAdminKey()).isEmpty();
      assertThat(folder.resolve("admin.key")).doesNotExist();
      assertThat(test.client("").get("/v1/keys").status()).isEqualTo(200);
      Answer page = test.client("").call("GET", "/v1/info", "", "Origin", "https://evil.example");
      assertThat(page.status()).isEqualTo(403);
    }
  }

  @Test
  void aFixedKeyMustBeHardToGuess() {
    assertThatThrownBy(() ->
            new ServerConfig(
                "127.0.0.1",
                0,
                folder,
                Optional.empty(),
                Optional.empty(),
                false,
                List.of("short"),
                ServerLimits.defaults()))
        .hasMessageContaining("16")
        .hasMessageNotContaining("short");
  }

  private static ServerConfig open(String host, Path folder) {
    return new ServerConfig(
        host, 0, folder, Optional.empty(), Optional.empty(), true, List.of(), TestServer.quick());
  }
}
