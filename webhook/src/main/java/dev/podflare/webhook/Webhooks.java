package dev.podflare.webhook;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.store.EventType;
import dev.podflare.store.Store;
import dev.podflare.store.WebhookRecord;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;

/**
 * Receivers of lifecycle events, and the sending to them. Whoever registers one is told of what
 * happens from then on, at least once, the events of one sandbox in their order: a later one is not
 * sent before an earlier one was taken or given up. Thread-safe; it does not close the store.
 */
public final class Webhooks implements AutoCloseable {
  private static final int LONGEST_URL = 2048;

  private final Store store;
  private final WebhookTargets targets;
  private final WebhookConfig config;
  private final Clock clock;
  private final WebhookSender sender;

  private Webhooks(
      Store store,
      WebhookTargets targets,
      WebhookConfig config,
      OkHttpClient.Builder http,
      Clock clock) {
    this.store = store;
    this.targets = targets;
    this.config = config;
    this.clock = clock;
    this.sender =
        new WebhookSender(
            store,
            new WebhookCaller(http, targets, config, clock),
            config,
            new Backoff(config, new SecureRandom()),
            clock);
  }

  /** Begins to send, also what an earlier daemon has left. */
  public static Webhooks start(Store store, WebhookTargets targets, WebhookConfig config) {
    return start(store, targets, config, new OkHttpClient.Builder(), Clock.systemUTC());
  }

  /** As above with certificates of choice and another clock. */
  static Webhooks start(
      Store store,
      WebhookTargets targets,
      WebhookConfig config,
      OkHttpClient.Builder http,
      Clock clock) {
    Webhooks webhooks = new Webhooks(store, targets, config, http, clock);
    webhooks.sender.start();
    return webhooks;
  }

  /**
   * Who wants what.
   *
   * @param keyId owner
   * @param allKeys whether it gets every key's events
   * @param types of events, {@link EventType#wireName}; empty: all
   * @param secret {@code whsec_} and base64 of 24 to 64 bytes; empty: one is made
   */
  public record Wish(
      String keyId, boolean allKeys, String url, List<String> types, Optional<String> secret) {
    public Wish {
      types = List.copyOf(types);
    }
  }

  /**
   * Registers a receiver.
   *
   * @throws PodflareException {@code INVALID_FIELD} for an address that is none or is not sent to;
   *     {@code TOO_MANY_WEBHOOKS}
   */
  public WebhookRecord add(Wish wish) {
    HttpUrl url = parse(wish.url());
    for (String type : wish.types()) {
      if (EventType.of(type).isEmpty()) {
        throw invalid("types", "of " + EventType.wireNames());
      }
    }
    WebhookSecret secret = wish.secret().map(WebhookSecret::parse).orElseGet(WebhookSecret::random);
    targets.check(url.host());
    WebhookRecord webhook =
        WebhookRecord.fresh(
            "whk_" + UUID.randomUUID().toString().replace("-", ""),
            wish.keyId(),
            wish.allKeys(),
            url.toString(),
            secret.text(),
            wish.types().stream().distinct().toList(),
            clock.instant());
    if (!store.webhooks().insert(webhook, config.perKey())) {
      throw new PodflareException(
          ErrorCode.TOO_MANY_WEBHOOKS,
          "this key has " + config.perKey() + " webhooks already, which is its limit; delete one",
          Map.of("limit", config.perKey()));
    }
    return webhook;
  }

  private static HttpUrl parse(String text) {
    HttpUrl url = text.length() > LONGEST_URL ? null : HttpUrl.parse(text);
    if (url == null || !url.username().isEmpty() || !url.password().isEmpty()) {
      throw invalid(
          "url",
          "an http or https address without a user, of at most " + LONGEST_URL + " characters");
    }
    return url.newBuilder().fragment(null).build();
  }

  private static PodflareException invalid(String field, String expected) {
    return new PodflareException(
        ErrorCode.INVALID_FIELD,
        "'" + field + "' must be " + expected,
        Map.of("field", field, "expected", expected));
  }

  /** In order of registration; {@code keyId} empty: of all keys. */
  public List<WebhookRecord> list(Optional<String> keyId) {
    return store.webhooks().list(keyId);
  }

  /** One of that key's, or of anybody's; {@code WEBHOOK_NOT_FOUND} if there is none. */
  public WebhookRecord find(Optional<String> keyId, String id) {
    return store
        .webhooks()
        .find(id)
        .filter(it -> keyId.isEmpty() || keyId.get().equals(it.keyId()))
        .orElseThrow(() ->
            new PodflareException(
                ErrorCode.WEBHOOK_NOT_FOUND, "no webhook " + id, Map.of("webhook_id", id)));
  }

  /** How many events wait for it. More may wait in the records. */
  public long pending(WebhookRecord webhook) {
    return store.webhooks().pending(webhook.id());
  }

  /** What waits for it is not sent any more. One that is not there is no error. */
  public void delete(Optional<String> keyId, String id) {
    if (store
        .webhooks()
        .find(id)
        .filter(it -> keyId.isEmpty() || keyId.get().equals(it.keyId()))
        .isPresent()) {
      store.webhooks().delete(id);
    }
  }

  /** What is under way is broken off, and sent again by the next start. */
  @Override
  public void close() {
    sender.close();
  }
}
