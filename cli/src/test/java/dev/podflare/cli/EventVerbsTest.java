package dev.podflare.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The verbs about events and webhooks. */
class EventVerbsTest {
  private static final String EVENTS =
      """
      id: 4
      event: sandbox.closed
      data: {"type":"sandbox.closed","timestamp":"2026-01-02T03:04:05.678Z","data":\
      {"sandbox_id":"sbx_1","key_id":"key_1","reason":"idle"}}

      :
      id: 9

      """;
  private static final String HOOK =
      "{\"id\":\"whk_1\",\"url\":\"https://e.example/\",\"types\":[],\"pending\":2,"
          + "\"created_at\":\"2026-01-02T03:04:05Z\"";

  private final CannedServer server = new CannedServer();
  private final List<String> asked = new CopyOnWriteArrayList<>();

  @AfterEach
  void stop() {
    server.close();
  }

  private Outcome call(String... arguments) {
    return Outcome.at(server, arguments);
  }

  private void serveEvents() {
    server.on(
        "GET /v1/events",
        exchange -> {
          asked.add(exchange.getRequestURI().getQuery());
          exchange.sendResponseHeaders(200, 0);
          exchange.getResponseBody().write(EVENTS.getBytes(StandardCharsets.UTF_8));
        });
  }

  @Test
  void whatHappenedIsPrintedALineEach() {
    serveEvents();
    assertThat(call("events").out())
        .isEqualToIgnoringNewLines(
            "4        2026-01-02T03:04:05.678Z  sandbox.closed      sbx_1  reason=idle");
    assertThat(call("events", "--json", "--after", "3").out())
        .isEqualToIgnoringNewLines(
            "{\"id\":4,\"type\":\"sandbox.closed\",\"timestamp\":\"2026-01-02T03:04:05.678Z\","
                + "\"data\":{\"sandbox_id\":\"sbx_1\",\"key_id\":\"key_1\",\"reason\":\"idle\"}}");
    assertThat(asked).containsExactly("follow=false&after=0", "follow=false&after=3");
  }

  @Test
  void webhooksAreAddedListedAndRemoved() {
    server
        .on("POST /v1/webhooks", 200, HOOK + ",\"secret\":\"whsec_x\"}")
        .on("GET /v1/webhooks", 200, "{\"webhooks\":[" + HOOK + "}]}")
        .on("DELETE /v1/webhooks/whk_1", 204, "");
    Outcome added = call("webhooks", "add", "https://e.example/", "--type", "sandbox.closed");
    assertThat(added.out()).isEqualToIgnoringNewLines("whk_1" + "secret, shown once: whsec_x");
    assertThat(call("webhooks", "add", "https://e.example/", "--json").out()).contains("whsec_x");
    assertThat(call("webhooks", "ls").out().lines().skip(1))
        .singleElement()
        .asString()
        .matches("whk_1 +https://e.example/ +all +.* +2 +ok");
    assertThat(call("webhooks", "ls", "--json").out()).contains("\"pending\" : 2");
    assertThat(call("webhooks", "rm", "whk_1").out()).isEqualToIgnoringNewLines("whk_1");
    assertThat(call("webhooks").exitCode()).isEqualTo(2);
  }
}
