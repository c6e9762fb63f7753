package dev.podflare.client;

import static dev.podflare.client.ScriptedServer.json;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Lifecycle events and webhooks. */
class EventsTest {
  private final ScriptedServer server = new ScriptedServer();
  private final Podflare podflare = server.client();

  @AfterEach
  void stop() {
    podflare.close();
    server.close();
  }

  private static String event(int id) {
    return "id: "
        + id
        + "\nevent: sandbox.created\ndata: {\"type\":\"sandbox.created\","
        + "\"timestamp\":\"2026-01-02T03:04:05.678Z\",\"data\":{\"sandbox_id\":\"sbx_"
        + id
        + "\",\"key_id\":\"key_1\",\"children\":[\"a\"],\"reason\":\"idle\"}}\n\n";
  }

  private static void begin(HttpExchange exchange, String text) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
    exchange.sendResponseHeaders(200, 0);
    exchange.getResponseBody().write(text.getBytes(StandardCharsets.UTF_8));
    exchange.getResponseBody().flush();
  }

  private static ScriptedServer.Answer stream(String text) {
    return exchange -> {
      begin(exchange, text);
      exchange.close();
    };
  }

  @Test
  void aBrokenStreamGoesOnWhereItWas() {
    server
        .on("GET /v1/events?follow=true", stream(":\nid: 7\n\n" + event(8) + "id: 9\nevent: x"))
        .on("GET /v1/events?follow=true&after=8", stream(event(9) + ":\nid: 12\n\n"))
        .on("GET /v1/events?follow=true&after=12", stream(event(13)))
        .on("GET /v1/events?follow=true&after=13", json(410, "{\"code\":\"events_gone\"}"));
    try (EventStream events = podflare.events(EventsFrom.now())) {
      LifecycleEvent first = events.next().orElseThrow();
      assertThat(first.id()).isEqualTo(8);
      assertThat(first.type()).isEqualTo("sandbox.created");
      assertThat(first.timestamp()).isEqualTo(Instant.parse("2026-01-02T03:04:05.678Z"));
      assertThat(first.sandboxId()).isEqualTo("sbx_8");
      assertThat(first.reason()).isEqualTo("idle");
      assertThat(first.data()).containsEntry("children", List.of("a"));
      assertThat(first.text("none")).isEmpty();
      assertThat(events.next().orElseThrow().id()).isEqualTo(9);
      assertThat(events.next().orElseThrow().id()).isEqualTo(13);
      assertThat(events.position()).hasValue(13);
      assertThatThrownBy(events::next)
          .isInstanceOfSatisfying(
              ApiException.class, e -> assertThat(e.code()).isEqualTo("events_gone"));
    }
  }

  @Test
  void aStreamThatDoesNotFollowEnds() {
    server.on("GET /v1/events?follow=false&after=0", stream(event(1) + event(2)));
    try (EventStream events = podflare.events(EventsFrom.oldest().untilNow())) {
      assertThat(events.next()).isPresent();
      assertThat(events.next()).isPresent();
      assertThat(events.next()).isEmpty();
      assertThat(events.next()).isEmpty();
    }
  }

  @Test
  void closingEndsTheWait() throws Exception {
    server.on(
        "GET /v1/events?follow=true",
        exchange -> {
          begin(exchange, ":\nid: 1\n\n");
          sleep(5000);
        });
    EventStream events = podflare.events(EventsFrom.now());
    Thread closer =
        Thread.ofVirtual()
            .start(() -> {
              sleep(200);
              events.close();
            });
    assertThat(events.next()).isEmpty();
    closer.join();
  }

  private static void sleep(long millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void webhooksAreMadeListedAndRemoved() {
    String hook =
        "{\"id\":\"whk_1\",\"url\":\"https://e.example/\",\"types\":[\"sandbox.closed\"],"
            + "\"created_at\":\"2026-01-02T03:04:05Z\",\"pending\":3,\"last_success_at\":null,"
            + "\"failing_since\":\"2026-01-02T03:04:05Z\",\"last_error\":\"answered 500\","
            + "\"disabled_at\":null,\"disabled_reason\":null";
    server
        .on("POST /v1/webhooks", json(200, hook + ",\"secret\":\"whsec_x\"}"))
        .on("GET /v1/webhooks", json(200, "{\"webhooks\":[" + hook + "}]}"))
        .on("GET /v1/webhooks/whk_1", json(200, hook + "}"))
        .on("DELETE /v1/webhooks/whk_1", json(204, ""));
    Webhooks webhooks = podflare.webhooks();
    NewWebhook made =
        webhooks.add(
            new WebhookOptions(
                URI.create("https://e.example/"), List.of("sandbox.closed"), Optional.of("s")));
    assertThat(made.secret()).isEqualTo("whsec_x");
    assertThat(made.toString()).doesNotContain("whsec_x");
    assertThat(server.seen().getFirst().body())
        .isEqualTo(
            "{\"url\":\"https://e.example/\",\"types\":[\"sandbox.closed\"],\"secret\":\"s\"}");
    assertThat(webhooks.list()).containsExactly(made.webhook());
    WebhookInfo info = webhooks.get("whk_1");
    assertThat(info.pending()).isEqualTo(3);
    assertThat(info.lastError()).contains("answered 500");
    assertThat(info.disabledAt()).isEmpty();
    webhooks.delete("whk_1");
  }
}
