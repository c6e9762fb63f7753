package dev.podflare.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.podflare.server.testing.ApiClient;
import dev.podflare.server.testing.MalformedRequests;
import dev.podflare.server.testing.TestServer;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MalformedRequestsTest {
  private static final long SEED = 20_260_101;

  @TempDir Path folder;

  @Test
  void aThousandOfThemBreakNothing() throws Exception {
    try (TestServer test = TestServer.start(folder)) {
      String key = test.server.newAdminKey().orElseThrow();
      MalformedRequests.Report report =
          new MalformedRequests(test.uri(), key, TestServer.CONTRACT, Duration.ofSeconds(10))
              .run(SEED, 1000);
      assertThat(report.faults()).isEmpty();
      assertThat(report.statuses().values().stream().mapToInt(n -> n).sum()).isEqualTo(1000);
      assertThat(report.statuses())
          .containsKeys(200, 400, 401, 404, 405, 414, 415, 431)
          .doesNotContainKey(500);
      ApiClient api = test.admin;
      await()
          .atMost(Duration.ofSeconds(5))
          .until(() -> api.get("/metrics").text().contains("podflare_http_requests_in_flight 1.0"));
      assertThat(ApiClient.json(api.get("/v1/sandboxes")).get("sandboxes")).isEmpty();
    }
  }
}
