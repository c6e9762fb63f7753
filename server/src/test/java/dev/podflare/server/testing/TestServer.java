package dev.podflare.server.testing;

import dev.podflare.network.Cidr;
import dev.podflare.server.PodflareServer;
import dev.podflare.server.ServerConfig;
import dev.podflare.server.ServerLimits;
import dev.podflare.store.Store;
import dev.podflare.webhook.WebhookConfig;
import dev.podflare.webhook.WebhookTargets;
import dev.podflare.webhook.Webhooks;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.UnaryOperator;

/** A server over a fake engine and a real store in a folder of its own. One thread. */
public final class TestServer implements AutoCloseable {
  public static final OpenApiContract CONTRACT =
      OpenApiContract.load(Path.of("..", "openapi.yaml"));

  public final FakeEngine engine = new FakeEngine();
  public final Store store;
  public final Webhooks webhooks;
  public final PodflareServer server;
  public final ApiClient admin;

  private TestServer(Store records, ServerConfig config) {
    store = records;
    webhooks =
        Webhooks.start(
            store,
            WebhookTargets.of(Optional.empty(), List.of(Cidr.parse("127.0.0.1")), false),
            WebhookConfig.defaults());
    server = PodflareServer.start(config, engine, store, webhooks);
    admin = client(server.newAdminKey().orElse(""));
  }

  public static TestServer start(Path folder) {
    return start(folder, quick());
  }

  public static TestServer start(Path folder, ServerLimits limits) {
    return start(folder, limits, UnaryOperator.identity());
  }

  public static TestServer start(
      Path folder, ServerLimits limits, UnaryOperator<ServerConfig> change) {
    ServerConfig config =
        new ServerConfig(
            "127.0.0.1", 0, folder, Optional.empty(), Optional.empty(), false, List.of(), limits);
    return new TestServer(Store.open(folder.resolve("podflare.db")), change.apply(config));
  }

  /** With records elsewhere, which are closed with it. */
  public static TestServer start(Path folder, Store records) {
    return new TestServer(
        records,
        new ServerConfig(
            "127.0.0.1", 0, folder, Optional.empty(), Optional.empty(), false, List.of(), quick()));
  }

  /** Limits with short waits. */
  public static ServerLimits quick() {
    return new ServerLimits(
        256,
        512,
        dev.podflare.common.DataSize.ofMebibytes(4),
        OptionalInt.empty(),
        Duration.ofSeconds(1),
        Duration.ofSeconds(2),
        Duration.ofSeconds(1),
        Duration.ofMillis(300),
        Duration.ofSeconds(5),
        Duration.ofSeconds(1));
  }

  public URI uri() {
    return URI.create("http://127.0.0.1:" + server.port());
  }

  public ApiClient client(String key) {
    return new ApiClient(uri(), key, CONTRACT);
  }

  @Override
  public void close() {
    admin.close();
    server.close();
    webhooks.close();
    store.close();
  }
}
