package dev.podflare.client;

import static dev.podflare.client.ScriptedServer.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import tools.jackson.core.type.TypeReference;

class PodflareTest {
  private final ScriptedServer server = new ScriptedServer();
  private final Podflare podflare = server.client();

  @AfterEach
  void stop() {
    podflare.close();
    server.close();
  }

  @Test
  void createsAndDeletes() {
    server
        .on(
            "POST /v1/sandboxes",
            json(
                200,
                """
                {"id":"sbx_1","state":"ready","source":"pool","template":"default",
                 "timings_ms":{"hand_over":0.5},"expires_at":"2026-01-02T03:04:05Z","new":1}\
                """))
        .on("DELETE /v1/sandboxes/sbx_1", json(204, ""));
    SandboxOptions options =
        SandboxOptions.builder()
            .template("default")
            .timeout(Duration.ofMinutes(2))
            .memoryMebibytes(512)
            .egress(false)
            .metadata(Map.of("who", "test"))
            .build();
    try (Sandbox sandbox = podflare.create(options)) {
      assertThat(sandbox.id()).isEqualTo("sbx_1");
      Created created = sandbox.created().orElseThrow();
      assertThat(created.source()).contains("pool");
      assertThat(created.timingsMs()).containsEntry("hand_over", 0.5);
      assertThat(created.expiresAt()).contains(Instant.parse("2026-01-02T03:04:05Z"));
    }
    ScriptedServer.Seen create = server.seen().getFirst();
    assertThat(create.header("Authorization")).contains("Bearer pf_live_test");
    assertThat(create.header("Idempotency-Key")).isPresent();
    assertThat(fields(create))
        .isEqualTo(
            Map.of(
                "template",
                "default",
                "timeout_seconds",
                120,
                "ram_mib",
                512,
                "egress",
                false,
                "metadata",
                Map.of("who", "test")));
    assertThat(server.seen().getLast().method()).isEqualTo("DELETE");
  }

  private static Map<String, Object> fields(ScriptedServer.Seen seen) {
    return Json.MAPPER.readValue(seen.body(), new TypeReference<Map<String, Object>>() {});
  }

  @Test
  void listsAllPages() {
    server
        .on(
            "GET /v1/sandboxes?state=ready&metadata.a%20b=c%26d",
            json(
                200,
                "{\"sandboxes\":[{\"id\":\"sbx_1\",\"state\":\"ready\"}],\"next_cursor\":\"n 1\"}"))
        .on(
            "GET /v1/sandboxes?state=ready&metadata.a%20b=c%26d&cursor=n%201",
            json(
                200,
                "{\"sandboxes\":[{\"id\":\"sbx_2\",\"state\":\"ready\"}],\"next_cursor\":null}"));
    ListFilter filter =
        new ListFilter(
            Optional.of("ready"),
            Optional.empty(),
            Map.of("a b", "c&d"),
            Optional.empty(),
            Optional.empty());
    assertThat(podflare.listAll(filter, 100))
        .extracting(SandboxInfo::id)
        .containsExactly("sbx_1", "sbx_2");
    assertThat(podflare.listAll(filter, 1)).extracting(SandboxInfo::id).containsExactly("sbx_1");
  }

  @Test
  void patches() {
    server.on(
        "PATCH /v1/sandboxes/sbx_1",
        json(
            200,
            "{\"id\":\"sbx_1\",\"state\":\"ready\",\"timeout_seconds\":60,\"metadata\":{\"k\":\"v\"}}"));
    SandboxInfo patched =
        podflare
            .sandbox("sbx_1")
            .patch(
                SandboxPatch.NOTHING
                    .withTimeout(Duration.ofMinutes(1))
                    .withMetadata(Map.of("k", "v")));
    assertThat(patched.timeoutSeconds()).isEqualTo(60);
    assertThat(patched.metadata()).containsEntry("k", "v");
    assertThat(server.seen().getFirst().body())
        .isEqualTo("{\"timeout_seconds\":60,\"metadata\":{\"k\":\"v\"}}");
  }

  @Test
  void readsInfoCapacityAndKeys() {
    server
        .on(
            "GET /v1/info",
            json(
                200,
                "{\"version\":\"9\",\"accelerator\":\"tcg\",\"accelerator_reason\":\"why\",\"limits\":{\"a\":1}}"))
        .on(
            "GET /v1/capacity",
            json(
                200,
                "{\"templates\":{\"default\":{\"ready\":2,\"target\":3}},\"sandboxes\":1,\"accepting\":true}"))
        .on(
            "POST /v1/keys",
            json(
                200,
                "{\"id\":\"key_1\",\"name\":\"n\",\"admin\":true,\"scopes\":[\"read\"],\"key\":\"pf_live_x\"}"))
        .on("GET /v1/keys", json(200, "{\"keys\":[{\"id\":\"key_1\",\"name\":\"n\"}]}"))
        .on("GET /v1/healthz", json(200, "ok"));
    assertThat(podflare.info().acceleratorReason()).isEqualTo("why");
    assertThat(podflare.info().all()).containsEntry("limits", Map.of("a", 1));
    assertThat(podflare.capacity().templates().get("default"))
        .isEqualTo(new Capacity.Pool(2, 3, 0));
    KeyInfo made = podflare.keys().create("n", true, List.of("read"));
    assertThat(made.key()).contains("pf_live_x");
    assertThat(made.admin()).isTrue();
    assertThat(made.scopes()).containsExactly("read");
    assertThat(made.toString()).doesNotContain("pf_live_x");
    assertThat(podflare.keys().list()).hasSize(1);
    assertThat(podflare.healthy()).isTrue();
  }

  @Test
  void aMergedWinnerIsNotDeleted() {
    server
        .on("POST /v1/sandboxes/sbx_p/fork", json(200, "{\"children\":[\"sbx_c\"]}"))
        .on("POST /v1/sandboxes/sbx_p/merge_into/sbx_c", json(204, ""));
    Sandbox parent = podflare.sandbox("sbx_p");
    try (Sandbox child = parent.fork(1).getFirst()) {
      parent.mergeInto(child);
    }
    assertThat(server.seen()).extracting(ScriptedServer.Seen::method).containsOnly("POST");
  }

  @Test
  void refusalsKeepTheirCodeAndValues() {
    server.on(
        "GET /v1/sandboxes/sbx_1",
        exchange -> {
          exchange.getResponseHeaders().set("Retry-After", "60"); // longer than the client waits
          json(503, "{\"error\":\"full\",\"code\":\"host_full\",\"details\":{\"free_mib\":3}}")
              .write(exchange);
        });
    assertThatThrownBy(() -> podflare.sandbox("sbx_1").info())
        .isInstanceOfSatisfying(
            ApiException.class,
            it -> {
              assertThat(it.status()).isEqualTo(503);
              assertThat(it.code()).isEqualTo("host_full");
              assertThat(it.knownCode()).isPresent();
              assertThat(it.details()).containsEntry("free_mib", 3);
              assertThat(it.retryAfter()).contains(Duration.ofSeconds(60));
              assertThat(it).hasMessage("full");
            });
  }

  @Test
  void unknownCodesAndForeignBodiesSurvive() {
    server
        .on("GET /v1/sandboxes/sbx_1", json(418, "{\"error\":\"tea\",\"code\":\"teapot\"}"))
        .on("GET /v1/sandboxes/sbx_2", json(502, "<html>bad gateway</html>"));
    assertThatThrownBy(() -> podflare.sandbox("sbx_1").info())
        .isInstanceOfSatisfying(
            ApiException.class,
            it -> {
              assertThat(it.code()).isEqualTo("teapot");
              assertThat(it.knownCode()).isEmpty();
            });
    assertThatThrownBy(() -> podflare.sandbox("sbx_2").info())
        .isInstanceOfSatisfying(
            ApiException.class, it -> assertThat(it.code()).isEqualTo("http_502"));
  }

  @Test
  void answersOfAnotherFormAreRefused() {
    server.on("GET /v1/sandboxes/sbx_1", json(200, "{\"state\":\"ready\"}"));
    assertThatThrownBy(() -> podflare.sandbox("sbx_1").info())
        .isInstanceOfSatisfying(
            ApiException.class, it -> assertThat(it.code()).isEqualTo(ApiException.BAD_ANSWER));
  }

  @Test
  void saysWhenNobodyListens() {
    server.close();
    assertThatThrownBy(podflare::info)
        .isInstanceOfSatisfying(
            ApiException.class, it -> assertThat(it.code()).isEqualTo(ApiException.UNREACHABLE));
    assertThat(podflare.healthy()).isFalse();
  }

  @Test
  void readsTheEnvironment() {
    assertThat(ClientConfig.fromEnvironment(Map.of()).baseUrl())
        .isEqualTo(URI.create("http://127.0.0.1:8787"));
    assertThat(
            ClientConfig.fromEnvironment(
                Map.of("PODFLARE_HOST", "10.0.0.1:1", "PODFLARE_API_URL", "https://a.example/x/")))
        .satisfies(it -> assertThat(it.baseUrl()).isEqualTo(URI.create("https://a.example/x/")))
        .satisfies(it ->
            assertThat(it.resolve("/v1/info"))
                .isEqualTo(URI.create("https://a.example/x/v1/info")));
    assertThat(ClientConfig.fromEnvironment(Map.of("PODFLARE_HOST", "10.0.0.1:1")).baseUrl())
        .isEqualTo(URI.create("http://10.0.0.1:1"));
    assertThatThrownBy(() -> ClientConfig.fromEnvironment(Map.of("PODFLARE_HOST", "ftp://x")))
        .hasMessageContaining("ftp://x");
  }
}
