package dev.podflare.server;

import dev.podflare.engine.Caller;
import dev.podflare.store.WebhookRecord;
import dev.podflare.webhook.Webhooks;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** Where events are sent to. Thread-safe. */
final class WebhookRoutes {
  private static final String ALL = "/v1/webhooks";
  private static final String ONE = ALL + "/{webhook}";
  private static final int MOST_TYPES = 100;

  private final Webhooks webhooks;
  private final Idempotency idempotency;

  WebhookRoutes(Webhooks webhooks, Idempotency idempotency) {
    this.webhooks = webhooks;
    this.idempotency = idempotency;
  }

  List<Route> routes() {
    return List.of(
        new Route("POST", ALL, Scope.WRITE, this::add),
        new Route("GET", ALL, Scope.READ, this::list),
        new Route("GET", ONE, Scope.READ, this::get),
        new Route("DELETE", ONE, Scope.WRITE, this::delete));
  }

  private void add(Exchange exchange) throws Exception {
    byte[] body = exchange.body();
    Fields fields = exchange.fields(body);
    Webhooks.Wish wish =
        new Webhooks.Wish(
            exchange.caller().keyId(),
            exchange.caller().admin(),
            fields.shortText("url").orElseThrow(() -> Fields.invalid("url", "given, as text")),
            fields.list("types", MOST_TYPES),
            fields.shortText("secret"));
    idempotency.answer(
        exchange,
        "POST " + ALL,
        body,
        WebhookRoutes::withoutSecret,
        () -> {
          WebhookRecord made = webhooks.add(wish);
          return Json.bytes(record(made).put("secret", made.secret()).map());
        });
  }

  /** A secret is told once; not even the answer that is kept for a repeated request has it. */
  private static byte[] withoutSecret(byte[] answer) {
    ObjectNode object = (ObjectNode) Json.MAPPER.readTree(answer);
    object.putNull("secret");
    return Json.bytes(object);
  }

  private void list(Exchange exchange) {
    List<Map<String, @Nullable Object>> all =
        webhooks.list(owner(exchange)).stream().map(it -> record(it).map()).toList();
    exchange.answer(Json.object().put("webhooks", all));
  }

  private void get(Exchange exchange) {
    exchange.answer(record(webhooks.find(owner(exchange), exchange.path("webhook"))));
  }

  private void delete(Exchange exchange) {
    webhooks.delete(owner(exchange), exchange.path("webhook"));
    exchange.noContent();
  }

  private static Optional<String> owner(Exchange exchange) {
    Caller caller = exchange.caller();
    return caller.admin() ? Optional.empty() : Optional.of(caller.keyId());
  }

  private Json.Entries record(WebhookRecord webhook) {
    return Json.object()
        .put("id", webhook.id())
        .put("url", webhook.url())
        .put("types", webhook.types())
        .put("created_at", webhook.createdAt())
        .put("pending", webhooks.pending(webhook))
        .put("last_success_at", webhook.lastSuccessAt().map(Instant::toString))
        .put("failing_since", webhook.failingSince().map(Instant::toString))
        .put("last_error", webhook.lastError())
        .put("disabled_at", webhook.disabledAt().map(Instant::toString))
        .put("disabled_reason", webhook.disabledReason());
  }
}
