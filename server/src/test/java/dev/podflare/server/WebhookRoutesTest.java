package dev.podflare.server;

import static dev.podflare.server.testing.ApiClient.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpServer;
import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.ApiClient;
import dev.podflare.server.testing.TestServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class WebhookRoutesTest {
  private static final String HOOKS = "/v1/webhooks";

  @TempDir Path folder;
  private final List<String> arrived = new CopyOnWriteArrayList<>();
  private TestServer test;
  private HttpServer receiver;
  private ApiClient api;

  @BeforeEach
  void start() throws Exception {
    test = TestServer.start(folder);
    api = key("[]");
    receiver = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    receiver.createContext(
        "/",
        exchange -> {
          arrived.add(
              new String(
                  exchange.getRequestBody().readAllBytes(),
                  java.nio.charset.StandardCharsets.UTF_8));
          exchange.sendResponseHeaders(204, -1);
          exchange.close();
        });
    receiver.start();
  }

  @AfterEach
  void stop() {
    receiver.stop(0);
    api.close();
    test.close();
  }

  private ApiClient key(String scopes) {
    String body = "{\"name\":\"n\",\"scopes\":" + scopes + "}";
    return test.client(json(test.admin.post("/v1/keys", body)).get("key").stringValue());
  }

  private String body(String more) {
    return "{\"url\":\"http://127.0.0.1:" + receiver.getAddress().getPort() + "/\"" + more + "}";
  }

  @Test
  void aWebhookIsMadeSeenAndRemoved() {
    JsonNode made = json(api.post(HOOKS, body(",\"types\":[\"sandbox.closed\"]")));
    assertThat(made.get("secret").stringValue()).startsWith("whsec_");
    assertThat(made.get("types")).hasSize(1);
    String one = HOOKS + "/" + made.get("id").stringValue();
    JsonNode seen = json(api.get(one));
    assertThat(seen.has("secret")).isFalse();
    assertThat(seen.get("pending").intValue()).isZero();
    assertThat(json(api.get(HOOKS)).get("webhooks")).hasSize(1);
    try (ApiClient other = key("[]")) {
      assertThat(json(other.get(HOOKS)).get("webhooks")).isEmpty();
      assertThat(other.get(one).status()).isEqualTo(404);
      assertThat(other.call("DELETE", one, "").status()).isEqualTo(204);
    }
    assertThat(json(test.admin.get(HOOKS)).get("webhooks")).hasSize(1);
    assertThat(test.admin.get(one).status()).isEqualTo(200);
    assertThat(api.call("DELETE", one, "").status()).isEqualTo(204);
    assertThat(api.call("DELETE", one, "").status()).isEqualTo(204);
    assertThat(api.get(one).status()).isEqualTo(404);
  }

  @Test
  void aRepeatedRequestIsNotToldTheSecretAgain() {
    Answer first = api.post(HOOKS, body(""), "Idempotency-Key", "k");
    Answer again = api.post(HOOKS, body(""), "Idempotency-Key", "k");
    assertThat(json(again).get("id")).isEqualTo(json(first).get("id"));
    assertThat(json(again).get("secret").isNull()).isTrue();
    assertThat(json(api.get(HOOKS)).get("webhooks")).hasSize(1);
  }

  @Test
  void scopesAndLimitsHold() {
    try (ApiClient reader = key("[\"read\"]")) {
      assertThat(reader.get(HOOKS).status()).isEqualTo(200);
      assertThat(reader.post(HOOKS, body("")).status()).isEqualTo(403);
    }
    try (ApiClient executor = key("[\"exec\"]")) {
      assertThat(executor.get(HOOKS).status()).isEqualTo(403);
      assertThat(executor.get("/v1/events").status()).isEqualTo(403);
    }
    for (int i = 0; i < 10; i++) {
      assertThat(api.post(HOOKS, body("")).status()).isEqualTo(200);
    }
    assertThat(json(api.post(HOOKS, body(""))).get("code").stringValue())
        .isEqualTo("too_many_webhooks");
  }

  @Test
  void whatCannotBeIsRefused() {
    for (String wrong :
        List.of(
            "{}",
            "{\"url\":1}",
            "{\"url\":\"http://10.0.0.1/\"}",
            "{\"url\":\"http://[::1]/\"}",
            body(",\"types\":\"sandbox.closed\""),
            body(",\"types\":[\"x\"]"),
            body(",\"secret\":\"whsec_AAAA\""))) {
      Answer refused = api.post(HOOKS, wrong);
      assertThat(refused.status()).as(wrong).isEqualTo(400);
      assertThat(json(refused).get("code").stringValue()).isEqualTo("invalid_field");
    }
  }

  @Test
  void eventsArriveInTheFormOfTheContract() {
    api.post(HOOKS, body(""));
    String key = test.store.keys().list().getFirst().id();
    var sandbox = EventRoutesTest.sandbox("sbx_" + "1".repeat(32), key);
    test.store.sandboxes().insert(sandbox, dev.podflare.store.Origin.TEMPLATE);
    await().atMost(Duration.ofSeconds(20)).until(() -> arrived.size() == 1);
    JsonNode event = JsonMapper.shared().readTree(arrived.getFirst());
    assertThat(TestServer.CONTRACT.fault("LifecycleEvent", event)).isEmpty();
  }
}
