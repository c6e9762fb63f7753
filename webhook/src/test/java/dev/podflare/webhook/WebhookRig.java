package dev.podflare.webhook;

import static org.awaitility.Awaitility.await;

import dev.podflare.network.Cidr;
import dev.podflare.store.Origin;
import dev.podflare.store.SandboxRecord;
import dev.podflare.store.Store;
import dev.podflare.store.WebhookRecord;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import okhttp3.OkHttpClient;

/** Webhooks over real records in a folder, with short waits. One thread. */
final class WebhookRig implements AutoCloseable {
  static final String KEY = "key_a";
  private static final Duration HOUR = Duration.ofHours(1);

  final OkHttpClient.Builder http = new OkHttpClient.Builder();
  private final Path folder;
  WebhookConfig config = quick();
  WebhookTargets targets =
      WebhookTargets.of(Optional.empty(), List.of(Cidr.parse("127.0.0.1")), false);
  final HostClock clock = new HostClock();
  Store store;
  Webhooks webhooks;

  WebhookRig(Path folder) {
    this.folder = folder;
    this.store = openStore();
    this.webhooks = startWebhooks();
  }

  /** The host's clock, which somebody may set. Thread-safe. */
  static final class HostClock extends Clock {
    private volatile Duration set = Duration.ZERO;

    void set(Duration by) {
      set = by;
    }

    @Override
    public Instant instant() {
      return Instant.now().plus(set);
    }

    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      return this;
    }
  }

  static WebhookConfig quick() {
    return new WebhookConfig(
        3,
        Duration.ofSeconds(1),
        Duration.ofMillis(20),
        Duration.ofMillis(200),
        HOUR,
        HOUR,
        16,
        4,
        50);
  }

  private Store openStore() {
    return Store.open(folder.resolve("podflare.db"));
  }

  private Webhooks startWebhooks() {
    return Webhooks.start(store, targets, config, http, clock);
  }

  /** Ends and starts all, with what was changed here. */
  void restart() {
    close();
    store = openStore();
    webhooks = startWebhooks();
  }

  WebhookRig with(UnaryOperator<WebhookConfig> change) {
    config = change.apply(config);
    restart();
    return this;
  }

  /** Names that mean something to this rig alone. */
  WebhookRig withNames(WebhookTargets.Names names) {
    targets = targets.withNames(names);
    restart();
    return this;
  }

  static List<InetAddress> address(String literal) {
    return List.of(InetAddress.ofLiteral(literal));
  }

  WebhookRecord add(String url, String... types) {
    return addFor(KEY, url, types);
  }

  WebhookRecord addFor(String keyId, String url, String... types) {
    return webhooks.add(new Webhooks.Wish(keyId, false, url, List.of(types), Optional.empty()));
  }

  WebhookRecord look(WebhookRecord webhook) {
    return webhooks.find(Optional.empty(), webhook.id());
  }

  void create(String id) {
    create(id, KEY);
  }

  void create(String id, String keyId) {
    Instant now = Instant.now();
    store
        .sandboxes()
        .insert(
            new SandboxRecord(
                id,
                keyId,
                "default",
                "ready",
                2,
                1024,
                4,
                false,
                false,
                0,
                "{}",
                SandboxRecord.NO_MOUNTS,
                "[]",
                Map.of(),
                Map.of(),
                Optional.empty(),
                now,
                now.plus(HOUR),
                HOUR,
                HOUR,
                Optional.empty(),
                Optional.empty(),
                Optional.empty()),
            Origin.TEMPLATE);
  }

  void end(String id) {
    store.sandboxes().close(id, "deleted", Instant.now());
  }

  static void until(BooleanSupplier condition) {
    await().atMost(Duration.ofSeconds(30)).until(condition::getAsBoolean);
  }

  @Override
  public void close() {
    webhooks.close();
    store.close();
  }
}
