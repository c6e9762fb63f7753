package dev.podflare.server;

import static dev.podflare.server.testing.ApiClient.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.RawHttp;
import dev.podflare.server.testing.TestServer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HttpLimitsTest {
  @TempDir Path folder;

  @Test
  void aBodyAboveTheLimitIsRefusedAnnouncedOrNot() throws Exception {
    try (TestServer test = TestServer.start(folder)) {
      assertThat(answer(test, head(test, "Content-Length: 99999999999"), false).status())
          .isEqualTo(413);
      String chunk = "10000\r\n" + "x".repeat(0x10000) + "\r\n";
      Answer chunked =
          answer(
              test,
              head(test, "Transfer-Encoding: chunked") + chunk.repeat(70) + "0\r\n\r\n",
              false);
      assertThat(chunked.status()).isEqualTo(413);
      String large = "{\"metadata\":null,\"pad\":\"" + "x".repeat(4_000_000) + "\"}";
      assertThat(test.admin.post("/v1/sandboxes", large).status()).isEqualTo(200);
    }
  }

  @Test
  void aBodyThatStopsOrCrawlsIsTimedOut() throws Exception {
    try (TestServer test = TestServer.start(folder)) {
      Answer stopped = answer(test, head(test, "Content-Length: 10") + "{", false);
      assertThat(stopped.status()).isEqualTo(408);
      assertThat(code(stopped)).isEqualTo("request_timeout");
      try (RawHttp raw = new RawHttp(test.uri(), Duration.ofSeconds(10))) {
        raw.send(head(test, "Content-Length: 1000") + "{\"a\":\"");
        Thread crawler = crawl(raw);
        assertThat(raw.answer(false).orElseThrow().status()).isEqualTo(408);
        crawler.interrupt();
      }
    }
  }

  @Test
  void aHeadThatCrawlsIsCut() throws Exception {
    try (TestServer test = TestServer.start(folder);
        RawHttp raw = new RawHttp(test.uri(), Duration.ofSeconds(10))) {
      raw.send("GET /v1/healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ");
      Thread crawler = crawl(raw);
      assertThat(ended(raw)).isTrue();
      crawler.interrupt();
    }
  }

  @Test
  void aBodyThatEndsEarlyIsABadRequest() throws Exception {
    try (TestServer test = TestServer.start(folder)) {
      Answer cut = answer(test, head(test, "Content-Length: 10") + "{", true);
      assertThat(cut.status()).isEqualTo(400);
      assertThat(code(cut)).isEqualTo("bad_request");
    }
  }

  @Test
  void otherMediaTypesAreRefused() {
    try (TestServer test = TestServer.start(folder)) {
      for (String type :
          List.of(
              "text/plain",
              "application/x-www-form-urlencoded",
              "application/json; charset=utf-16")) {
        assertThat(test.admin.post("/v1/sandboxes", "{}", "Content-Type", type).status())
            .as(type)
            .isEqualTo(415);
      }
      for (String type : List.of("application/json; charset=UTF-8", "application/vnd.x+json")) {
        assertThat(test.admin.post("/v1/sandboxes", "{}", "Content-Type", type).status())
            .as(type)
            .isEqualTo(200);
      }
      assertThat(test.admin.post("/v1/sandboxes", "{}", "Content-Encoding", "gzip").status())
          .isEqualTo(415);
    }
  }

  @Test
  void tooManyRequestsAtOnceAreRefusedAndNoneIsLost() throws Exception {
    ServerLimits few = limits(3, 512);
    try (TestServer test = TestServer.start(folder, few);
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      // Longer than the idle timeout: a request at work is not idle.
      test.engine.createTakes(Duration.ofMillis(1500));
      List<Future<Answer>> answers = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        answers.add(threads.submit(() -> test.admin.post("/v1/sandboxes", "{}")));
      }
      List<Integer> statuses = new ArrayList<>();
      for (Future<Answer> answer : answers) {
        statuses.add(answer.get().status());
      }
      assertThat(statuses).containsOnly(200, 503);
      assertThat(statuses.stream().filter(status -> status == 200)).hasSize(3);
      test.engine.createTakes(Duration.ZERO);
      await().until(() -> test.admin.get("/v1/info").status() == 200);
      assertThat(inFlight(test)).isEqualTo(1);
    }
  }

  @Test
  void connectionsAboveTheLimitWaitForTheirTurn() throws Exception {
    try (TestServer test = TestServer.start(folder, limits(256, 2))) {
      List<RawHttp> open = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        RawHttp raw = new RawHttp(test.uri(), Duration.ofSeconds(10));
        raw.send("GET /v1/healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        open.add(raw);
      }
      // The first ones are kept open until they are idle; then the others are let in.
      for (RawHttp raw : open) {
        assertThat(raw.answer(false).orElseThrow().status()).isEqualTo(200);
        raw.close();
      }
    }
  }

  @Test
  void aStoppingServerTakesInNothingNew() throws Exception {
    try (TestServer test = TestServer.start(folder);
        RawHttp kept = new RawHttp(test.uri(), Duration.ofSeconds(10))) {
      String health = "GET /v1/healthz HTTP/1.1\r\nHost: x\r\n\r\n";
      kept.send(health);
      assertThat(kept.answer(false).orElseThrow().status()).isEqualTo(200);
      test.engine.createTakes(Duration.ofMillis(800));
      Thread creator = Thread.ofVirtual().start(() -> test.admin.post("/v1/sandboxes", "{}"));
      await().until(() -> test.server.port() > 0 && inFlight(test) == 2);
      Thread closer = Thread.ofVirtual().start(test.server::close);
      Thread.sleep(200);
      kept.send(health);
      Answer refused = kept.answer(false).orElseThrow();
      assertThat(refused.status()).isEqualTo(503);
      assertThat(code(refused)).isEqualTo("shutting_down");
      assertThat(refused.header("retry-after")).isPresent();
      assertThatThrownBy(() -> new RawHttp(test.uri(), Duration.ofSeconds(1)))
          .isInstanceOf(java.net.ConnectException.class);
      assertThat(creator.join(Duration.ofSeconds(5))).isTrue();
      assertThat(closer.join(Duration.ofSeconds(5))).isTrue();
      assertThat(test.engine.creates()).isEqualTo(1);
    }
  }

  @Test
  void metricsCountRoutesAndPools() throws Exception {
    try (TestServer test = TestServer.start(folder)) {
      String sandbox = "/v1/sandboxes/" + test.admin.create();
      test.admin.post(sandbox + "/exec", "{\"code\":\"1\"}");
      test.admin.get("/v1/nothing");
      answer(test, "rubbish\r\n\r\n", false);
      String text = test.admin.get("/metrics").text();
      assertThat(text)
          .contains(
              "podflare_http_requests_total{code=\"200\",method=\"POST\",route=\"/v1/sandboxes/{id}/exec\"} 1.0")
          .contains(
              "podflare_http_requests_total{code=\"404\",method=\"GET\",route=\"unmatched\"} 1.0")
          .contains(
              "podflare_http_requests_total{code=\"400\",method=\"other\",route=\"malformed\"} 1.0")
          .contains("podflare_executions_total{language=\"python\"} 1.0")
          .contains("podflare_pool_ready{template=\"default\"} 3.0")
          .contains("podflare_http_request_seconds_count");
    }
  }

  @Test
  void anAddressThatIsTakenIsNamed() {
    try (TestServer test = TestServer.start(folder)) {
      ServerConfig same = ServerConfig.of("127.0.0.1", test.server.port(), folder);
      assertThatThrownBy(() -> PodflareServer.start(same, test.engine, test.store, test.webhooks))
          .isInstanceOfSatisfying(
              PodflareException.class,
              e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_CONFIG))
          .hasMessageContaining(Integer.toString(test.server.port()));
    }
  }

  @Test
  void theBudgetOfBodiesIsGivenBack() {
    BodyBudget budget = new BodyBudget(DataSize.ofMebibytes(1));
    try (BodyBudget.Share share = budget.share()) {
      share.growTo(600 * 1024);
      share.growTo(10);
      assertThatThrownBy(() -> budget.share().growTo(500 * 1024))
          .isInstanceOfSatisfying(
              PodflareException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.HOST_FULL));
    }
    try (BodyBudget.Share share = budget.share()) {
      share.growTo(1024 * 1024);
    }
  }

  private static ServerLimits limits(int requests, int connections) {
    ServerLimits quick = TestServer.quick();
    return new ServerLimits(
        requests,
        connections,
        quick.maxBody(),
        quick.requestsPerMinute(),
        quick.headerTimeout(),
        quick.bodyTimeout(),
        quick.idleTimeout(),
        quick.heartbeat(),
        quick.idempotencyWait(),
        quick.drain());
  }

  private static int inFlight(TestServer test) {
    return test.admin
        .get("/metrics")
        .text()
        .lines()
        .filter(line -> line.startsWith("podflare_http_requests_in_flight "))
        .map(line -> (int) Double.parseDouble(line.substring(line.indexOf(" "))))
        .findFirst()
        .orElseThrow();
  }

  private static String head(TestServer test, String header) {
    return "POST /v1/sandboxes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        + "Authorization: Bearer "
        + test.server.newAdminKey().orElseThrow()
        + "\r\n"
        + header
        + "\r\n\r\n";
  }

  private static Answer answer(TestServer test, String request, boolean end) throws Exception {
    try (RawHttp raw = new RawHttp(test.uri(), Duration.ofSeconds(10))) {
      Thread sender =
          Thread.ofVirtual()
              .start(() -> {
                try {
                  raw.send(request);
                  if (end) {
                    raw.endOfOutput();
                  }
                } catch (java.io.IOException cut) {
                  // The server may refuse before it has read everything.
                }
              });
      Optional<Answer> answer = raw.answer(false);
      sender.join();
      Answer got = answer.orElseThrow();
      assertThat(TestServer.CONTRACT.fault("POST", "/v1/sandboxes", got)).isEmpty();
      return got;
    }
  }

  private static Thread crawl(RawHttp raw) {
    return Thread.ofVirtual()
        .start(() -> {
          try {
            while (true) {
              Thread.sleep(200);
              raw.send("x");
            }
          } catch (Exception cut) {
            // That is what is waited for.
          }
        });
  }

  private static boolean ended(RawHttp raw) {
    try {
      return raw.read() < 0;
    } catch (java.net.SocketTimeoutException hangs) {
      return false;
    } catch (java.io.IOException reset) {
      return true;
    }
  }

  private static String code(Answer answer) {
    return json(answer).get("code").stringValue();
  }
}
