package dev.podflare.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.server.testing.Answer;
import dev.podflare.server.testing.ApiClient;
import dev.podflare.server.testing.TestServer;
import dev.podflare.store.Store;
import dev.podflare.store.testing.PostgresProcess;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A server whose database is away for a while. */
class RecordsAwayTest {
  private static final String NEW_KEY = "{\"name\":\"ci\"}";

  @TempDir Path folder;
  private PostgresProcess postgres;
  private TestServer server;

  @BeforeEach
  void start() {
    postgres = PostgresProcess.start();
    server = TestServer.start(folder, Store.open(postgres.freshDatabase(), "a", "a"));
  }

  @AfterEach
  void close() {
    server.close();
    postgres.close();
  }

  @Test
  void whatNeedsNoRecordsGoesOnAndTheRestIsAskedToComeAgain() {
    String text = ApiClient.json(server.admin.post("/v1/keys", NEW_KEY)).path("key").asString();
    ApiClient known = server.client(text);
    String sandbox = known.create();
    postgres.stop();
    try {
      assertThat(known.get("/v1/sandboxes/" + sandbox).status()).isEqualTo(200);
      assertThat(known.get("/v1/info").status()).isEqualTo(200);
      away(server.admin.post("/v1/keys", NEW_KEY));
      away(server.admin.post("/v1/sandboxes", "{}", "Idempotency-Key", "k"));
      away(server.client("pf_live_unknown").get("/v1/sandboxes"));
    } finally {
      postgres.goOn();
    }
    assertThat(server.admin.post("/v1/keys", NEW_KEY).status()).isEqualTo(200);
    assertThat(server.admin.post("/v1/sandboxes", "{}", "Idempotency-Key", "k").status())
        .isEqualTo(200);
    assertThat(server.client("pf_live_unknown").get("/v1/sandboxes").status()).isEqualTo(401);
  }

  private static void away(Answer answer) {
    assertThat(answer.status()).isEqualTo(503);
    assertThat(ApiClient.json(answer).path("code").asString()).isEqualTo("records_unavailable");
    assertThat(answer.header("retry-after")).isPresent();
    assertThat(answer.text()).doesNotContain(PostgresProcess.PASSWORD);
  }
}
