package dev.podflare.server;

import static dev.podflare.server.testing.ApiClient.json;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.network.EgressPolicy;
import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.ApiClient;
import dev.podflare.server.testing.TestServer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

class SandboxRoutesTest {
  @TempDir Path folder;
  private TestServer test;
  private ApiClient api;

  @BeforeEach
  void start() {
    test =
        TestServer.start(
            folder,
            TestServer.quick(),
            config ->
                new ServerConfig(
                    config.host(),
                    config.port(),
                    config.dataFolder(),
                    Optional.of("eu"),
                    Optional.of("https://eu.example"),
                    false,
                    List.of("a-fixed-key-of-the-operator"),
                    config.limits()));
    api = test.admin;
  }

  @AfterEach
  void stop() {
    test.close();
  }

  @Test
  void aSandboxIsCreatedChangedAndEnded() {
    Answer created =
        api.post(
            "/v1/sandboxes",
            """
            {"template":"python-datasci","timeout_seconds":60,"idle_timeout_seconds":30,"vcpus":1,
             "ram_mib":512,"rootfs_gb":8,"egress":false,"env":{"A_1":"x=é"},"metadata":{"job":"7"},
             "unknown":[1]}
            """);
    JsonNode record = json(created);
    assertThat(created.status()).isEqualTo(200);
    assertThat(record.get("state").stringValue()).isEqualTo("ready");
    assertThat(record.get("network").get("default").stringValue()).isEqualTo("deny");
    assertThat(record.get("source").stringValue()).isEqualTo("pool");
    assertThat(record.get("region").stringValue()).isEqualTo("eu");
    assertThat(record.get("endpoint").stringValue()).isEqualTo("https://eu.example");
    assertThat(test.engine.lastCreate().env()).isEqualTo(Map.of("A_1", "x=é"));
    assertThat(test.engine.lastCreate().timeout()).contains(Duration.ofMinutes(1));
    assertThat(test.engine.lastCreate().network()).isEqualTo(EgressPolicy.SHUT);

    String one = "/v1/sandboxes/" + record.get("id").stringValue();
    JsonNode changed =
        json(api.call("PATCH", one, "{\"timeout_seconds\":90,\"metadata\":{\"job\":\"8\"}}"));
    assertThat(changed.get("timeout_seconds").intValue()).isEqualTo(90);
    assertThat(changed.get("idle_timeout_seconds").intValue()).isEqualTo(30);
    assertThat(json(api.get("/r/eu" + one))).isEqualTo(changed);
    assertThat(api.call("DELETE", one, "").status()).isEqualTo(204);
    assertThat(api.call("DELETE", one, "").status()).isEqualTo(204);
    assertThat(api.get(one).status()).isEqualTo(404);
  }

  @Test
  void anEmptyBodyTakesTheDefaults() {
    assertThat(api.call("POST", "/v1/sandboxes", "").status()).isEqualTo(200);
    assertThat(test.engine.lastCreate()).isEqualTo(dev.podflare.engine.CreateRequest.defaults());
  }

  @Test
  void theListIsFiltered() {
    api.post("/v1/sandboxes", "{\"metadata\":{\"job\":\"1\",\"a.b\":\"x y\"}}");
    api.post("/v1/sandboxes", "{\"metadata\":{\"job\":\"2\"},\"template\":\"other\"}");
    assertThat(json(api.get("/v1/sandboxes")).get("sandboxes")).hasSize(2);
    assertThat(json(api.get("/v1/sandboxes?limit=1")).get("sandboxes")).hasSize(1);
    assertThat(json(api.get("/v1/sandboxes?template=other&state=ready")).get("sandboxes"))
        .hasSize(1);
    assertThat(json(api.get("/v1/sandboxes?metadata.job=1&metadata.a.b=x+y")).get("sandboxes"))
        .hasSize(1);
    assertThat(json(api.get("/v1/sandboxes?metadata.job=3")).get("sandboxes")).isEmpty();
    for (String wrong :
        List.of("limit=0", "limit=x", "limit=1001", "state=happy", "limit=1&limit=2")) {
      Answer refused = api.get("/v1/sandboxes?" + wrong);
      assertThat(refused.status()).as(wrong).isEqualTo(400);
      assertThat(json(refused).get("code").stringValue()).isEqualTo("invalid_field");
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"snapshot\":\"snp_1\"}                           | 404 | snapshot_not_found",
        "{\"snapshot\":7}                                   | 400 | invalid_field",
        "{\"auto_resume\":1}                                | 400 | invalid_field",
        "{\"undo\":0}                                       | 400 | invalid_field",
        "{\"undo\":true}                                    | 400 | invalid_field",
        "{\"persistent\":\"yes\"}                           | 400 | invalid_field",
        "{\"network\":{\"allow\":[\"010.0.0.1\"]}}          | 400 | invalid_field",
        "{\"network\":{\"allow\":[\"ex ample.com\"]}}       | 400 | invalid_field",
        "{\"network\":{\"allow\":\"example.com\"}}          | 400 | invalid_field",
        "{\"network\":{\"dns\":\"maybe\"}}                  | 400 | invalid_field",
        "{\"network\":{\"default\":\"deny\",\"proxy\":1}}   | 400 | unknown_policy_field",
        "{\"network\":{\"default\":\"perhaps\"}}            | 400 | invalid_field",
        "{\"network\":{\"default\":\"deny\"},\"egress\":true} | 400 | invalid_field",
        "{\"network\":[]}                                   | 400 | invalid_field",
        "{\"timeout_seconds\":-1}                           | 400 | invalid_field",
        "{\"timeout_seconds\":0}                            | 400 | invalid_field",
        "{\"timeout_seconds\":1.5}                          | 400 | invalid_field",
        "{\"timeout_seconds\":\"60\"}                       | 400 | invalid_field",
        "{\"timeout_seconds\":1e300}                        | 400 | invalid_field",
        "{\"timeout_seconds\":99999999999999999999}         | 400 | invalid_field",
        "{\"timeout_seconds\":NaN}                          | 400 | invalid_json",
        "{\"vcpus\":true}                                   | 400 | invalid_field",
        "{\"egress\":\"no\"}                                | 400 | invalid_field",
        "{\"template\":7}                                   | 400 | invalid_field",
        "{\"template\":\"\"}                                | 400 | invalid_field",
        "{\"env\":{\"A-B\":\"x\"}}                          | 400 | invalid_field",
        "{\"env\":{\"A\":1}}                                | 400 | invalid_field",
        "{\"metadata\":{\"a\":\"\\ud800\"}}                 | 400 | invalid_field",
        "{\"metadata\":{\"\\udc00\":\"a\"}}                 | 400 | invalid_json",
        "[]                                                 | 400 | invalid_json",
        "{} {}                                              | 400 | invalid_json",
        "{\"a\":1,}                                         | 400 | invalid_json",
        "{'a':1}                                            | 400 | invalid_json",
      })
  void whatCannotBeDoneHasNoEffect(String body, int status, String code) {
    Answer refused = api.post("/v1/sandboxes", body);
    assertThat(refused.status()).isEqualTo(status);
    assertThat(json(refused).get("code").stringValue()).isEqualTo(code);
    assertThat(test.engine.creates()).isZero();
  }

  @Test
  void nullCountsAsAbsentAndAWholeNumberMayHaveAPoint() {
    api.post(
        "/v1/sandboxes",
        "{\"timeout_seconds\":60.0,\"network\":null,\"snapshot\":null,\"persistent\":false}");
    assertThat(test.engine.lastCreate().timeout()).contains(Duration.ofMinutes(1));
    api.post("/v1/sandboxes", "{\"network\":{\"default\":\"deny\"}}");
    assertThat(test.engine.lastCreate().network()).isEqualTo(EgressPolicy.SHUT);
  }

  @Test
  void aPersistentSandboxIsWokenByCallsUnlessThatIsRefused() {
    JsonNode plain = json(api.post("/v1/sandboxes", "{}"));
    assertThat(plain.get("persistent").booleanValue()).isFalse();
    assertThat(plain.get("auto_resume").booleanValue()).isFalse();
    JsonNode persistent = json(api.post("/v1/sandboxes", "{\"persistent\":true}"));
    assertThat(test.engine.lastCreate().autoResume()).isEmpty();
    assertThat(persistent.get("auto_resume").booleanValue()).isTrue();
    api.post("/v1/sandboxes", "{\"persistent\":true,\"auto_resume\":false}");
    assertThat(test.engine.lastCreate().persistent()).isTrue();
    assertThat(test.engine.lastCreate().autoResume()).contains(false);
    String one = "/v1/sandboxes/" + plain.get("id").stringValue();
    JsonNode changed = json(api.call("PATCH", one, "{\"persistent\":true,\"auto_resume\":true}"));
    assertThat(changed.get("persistent").booleanValue()).isTrue();
    assertThat(changed.get("auto_resume").booleanValue()).isTrue();
  }

  @Test
  void aNetworkPolicyIsReadWholeAndReplacedWhole() {
    JsonNode created =
        json(
            api.post(
                "/v1/sandboxes",
                "{\"network\":{\"default\":\"deny\",\"allow\":[\"*.Example.com:443\"]}}"));
    assertThat(test.engine.lastCreate().network())
        .isEqualTo(
            EgressPolicy.parse(
                EgressPolicy.Default.DENY, List.of("*.example.com:443"), List.of(), true));
    assertThat(created.get("egress").booleanValue()).isFalse();
    String network = "/v1/sandboxes/" + created.get("id").stringValue() + "/network";
    assertThat(json(api.get(network)).get("dns").stringValue()).isEqualTo("on");
    Answer changed = api.call("PUT", network, "{\"deny\":[\"203.0.113.0/24\"]}");
    assertThat(changed.status()).isEqualTo(200);
    assertThat(json(changed).get("default").stringValue()).isEqualTo("allow");
    assertThat(json(changed).get("allow").size()).isZero();
    Answer refused = api.call("PUT", network, "{\"denied\":[]}");
    assertThat(json(refused).get("code").stringValue()).isEqualTo("unknown_policy_field");
    assertThat(json(api.get(network)).get("deny").get(0).stringValue()).isEqualTo("203.0.113.0/24");
    assertThat(api.get("/v1/sandboxes/sbx_" + "0".repeat(32) + "/network").status()).isEqualTo(404);
  }

  @Test
  void equalCreatesAtOnceWithOneIdempotencyKeyMakeOneSandbox() throws Exception {
    test.engine.createTakes(Duration.ofMillis(100));
    List<String> ids = new ArrayList<>();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Answer>> answers = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        answers.add(
            threads.submit(() -> api.post("/v1/sandboxes", "{}", "Idempotency-Key", "once")));
      }
      for (Future<Answer> answer : answers) {
        assertThat(answer.get().status()).isEqualTo(200);
        ids.add(json(answer.get()).get("id").stringValue());
      }
    }
    assertThat(test.engine.creates()).isEqualTo(1);
    assertThat(ids).containsOnly(ids.getFirst());
    Answer other = api.post("/v1/sandboxes", "{\"vcpus\":1}", "Idempotency-Key", "once");
    assertThat(other.status()).isEqualTo(409);
    assertThat(json(other).get("code").stringValue()).isEqualTo("idempotency_conflict");
    Answer stranger =
        test.client("a-fixed-key-of-the-operator")
            .post("/v1/sandboxes", "{}", "Idempotency-Key", "once");
    assertThat(stranger.status()).isEqualTo(200);
    assertThat(test.engine.creates()).isEqualTo(2);
  }

  @Test
  void aFailedCreateMayBeRepeated() {
    test.engine.failNext(
        new PodflareException(
            ErrorCode.HOST_FULL, "full", Map.of("retry_after_seconds", 7, "free_mib", 3)));
    Answer full = api.post("/v1/sandboxes", "{}", "Idempotency-Key", "again");
    assertThat(full.status()).isEqualTo(503);
    assertThat(full.header("retry-after")).contains("7");
    assertThat(json(full).get("details").get("free_mib").intValue()).isEqualTo(3);
    assertThat(api.post("/v1/sandboxes", "{}", "Idempotency-Key", "again").status()).isEqualTo(200);
  }

  @Test
  void anUnforeseenFailureTellsOnlyItsRequestId() {
    test.engine.failNext(new IllegalStateException("secret words"));
    Answer failed = api.post("/v1/sandboxes", "{}", "X-Request-Id", "abc-1");
    assertThat(failed.status()).isEqualTo(500);
    assertThat(failed.header("x-request-id")).contains("abc-1");
    assertThat(failed.text()).contains("abc-1").doesNotContain("secret", "Exception");
  }

  @Test
  void aRequestForWhichThereIsNoMemoryMayBeTriedAgain() {
    test.engine.failNext(new OutOfMemoryError("by the test"));
    Answer full = api.post("/v1/sandboxes", "{}", "Idempotency-Key", "m");
    assertThat(full.status()).isEqualTo(503);
    assertThat(json(full).get("code").stringValue()).isEqualTo("host_full");
    assertThat(api.post("/v1/sandboxes", "{}", "Idempotency-Key", "m").status()).isEqualTo(200);
  }

  @Test
  void oneKeyDoesNotSeeTheSandboxesOfAnother() {
    String id = api.create();
    ApiClient other = test.client("a-fixed-key-of-the-operator");
    assertThat(other.get("/v1/sandboxes/" + id).status()).isEqualTo(404);
    assertThat(json(other.get("/v1/sandboxes")).get("sandboxes")).isEmpty();
    String own = other.create();
    assertThat(api.get("/v1/sandboxes/" + own).status()).as("admins see all").isEqualTo(200);
  }

  @Test
  void anUnknownRouteAndAWrongMethodAreTold() {
    assertThat(json(api.get("/v1/nothing")).get("code").stringValue()).isEqualTo("route_not_found");
    Answer wrong = api.call("PUT", "/v1/sandboxes", "{}");
    assertThat(wrong.status()).isEqualTo(405);
    assertThat(wrong.header("allow")).contains("GET, POST");
  }

  @Test
  void aMalformedTraceIsTolerated() {
    assertThat(api.call("GET", "/v1/info", "", "traceparent", "00-xyz").status()).isEqualTo(200);
  }
}
