package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.store.ApiKey;
import dev.podflare.store.ApiKeys;
import dev.podflare.store.KeyLimits;
import dev.podflare.store.NewApiKey;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** Makes, lists and revokes keys; for admins. Thread-safe. */
final class KeyRoutes {
  private static final String ALL = "/v1/keys";
  private static final List<String> LIMITS =
      List.of("max_sandboxes", "max_memory_mib", "requests_per_minute", "max_stored_mib");

  private final ApiKeys keys;
  private final Set<String> fixedKeyIds;
  private final RequestLimits requestLimits;
  private final Idempotency idempotency;

  KeyRoutes(
      ApiKeys keys, Set<String> fixedKeyIds, RequestLimits requestLimits, Idempotency idempotency) {
    this.keys = keys;
    this.fixedKeyIds = fixedKeyIds;
    this.requestLimits = requestLimits;
    this.idempotency = idempotency;
  }

  List<Route> routes() {
    return List.of(
        new Route("POST", ALL, Scope.ADMIN, this::create),
        new Route("GET", ALL, Scope.ADMIN, this::list),
        new Route("DELETE", ALL + "/{key}", Scope.ADMIN, this::delete));
  }

  private void create(Exchange exchange) throws Exception {
    byte[] body = exchange.body();
    Fields fields = exchange.fields(body);
    String name =
        fields.shortText("name").orElseThrow(() -> Fields.invalid("name", "given, as text"));
    boolean admin = fields.flag("admin").orElse(false);
    List<String> scopes = scopes(fields);
    KeyLimits limits = limits(fields);
    idempotency.answer(
        exchange,
        "POST " + ALL,
        body,
        KeyRoutes::withoutText,
        () -> {
          NewApiKey made = keys.create(name, admin, scopes, limits);
          return Json.bytes(record(made.key()).put("key", made.text()).map());
        });
  }

  private void list(Exchange exchange) {
    List<Map<String, @Nullable Object>> records = new ArrayList<>();
    keys.list().forEach(key -> records.add(record(key).map()));
    exchange.answer(Json.object().put("keys", records).put("fixed_key_ids", fixedKeyIds));
  }

  private void delete(Exchange exchange) {
    String id = exchange.path("key");
    if (fixedKeyIds.contains(id)) {
      throw new PodflareException(
          ErrorCode.FORBIDDEN,
          "this key comes from the server's configuration or its admin.key; remove it there");
    }
    if (!keys.delete(id)) {
      throw new PodflareException(ErrorCode.KEY_NOT_FOUND, "there is no such key");
    }
    requestLimits.forget(id);
    exchange.noContent();
  }

  /** A key's text is never stored, not even in the answer kept for a repeated request. */
  private static byte[] withoutText(byte[] answer) {
    ObjectNode object = (ObjectNode) Json.MAPPER.readTree(answer);
    object.putNull("key");
    return Json.bytes(object);
  }

  private static List<String> scopes(Fields fields) {
    List<String> scopes = fields.list("scopes", 16);
    for (String scope : scopes) {
      if (Scope.grantable(scope).isEmpty()) {
        throw Fields.invalid("scopes", "a list of read, write and exec; empty allows everything");
      }
    }
    return scopes.stream().distinct().toList();
  }

  /** A limit that is not understood would not be kept, so it is refused. */
  private static KeyLimits limits(Fields fields) {
    Fields limits = fields.object("limits");
    for (String name : limits.names()) {
      if (!LIMITS.contains(name)) {
        throw Fields.invalid("limits", "of " + String.join(", ", LIMITS));
      }
    }
    return new KeyLimits(
        limits.positive("max_sandboxes"),
        limits.positiveLong("max_memory_mib"),
        limits.positive("requests_per_minute"),
        limits.positiveLong("max_stored_mib"));
  }

  private static Json.Entries record(ApiKey key) {
    KeyLimits limits = key.limits();
    return Json.object()
        .put("id", key.id())
        .put("name", key.name())
        .put("admin", key.admin())
        .put("scopes", key.scopes())
        .put(
            "limits",
            Json.object()
                .put("max_sandboxes", ExecAnswers.boxed(limits.maxSandboxes()))
                .put("max_memory_mib", boxed(limits.maxMemoryMebibytes()))
                .put("requests_per_minute", ExecAnswers.boxed(limits.requestsPerMinute()))
                .put("max_stored_mib", boxed(limits.maxStoredMebibytes()))
                .map())
        .put("created_at", key.createdAt());
  }

  private static Optional<Long> boxed(OptionalLong value) {
    return value.isPresent() ? Optional.of(value.getAsLong()) : Optional.empty();
  }
}
