package dev.podflare.tests;

import dev.podflare.client.ApiException;
import dev.podflare.client.ClientConfig;
import dev.podflare.client.Podflare;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.common.DataSize;
import dev.podflare.engine.EngineConfig;
import dev.podflare.engine.LocalEngine;
import dev.podflare.network.Cidr;
import dev.podflare.qemu.Machine;
import dev.podflare.server.PodflareServer;
import dev.podflare.server.ServerConfig;
import dev.podflare.server.testing.ApiClient;
import dev.podflare.server.testing.OpenApiContract;
import dev.podflare.store.Store;
import dev.podflare.webhook.WebhookConfig;
import dev.podflare.webhook.WebhookTargets;
import dev.podflare.webhook.Webhooks;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.awaitility.Awaitility;

/**
 * A whole daemon in this process: store, engine on real guests, HTTP server on a free loopback
 * port, and its clients. Every answer that {@link #api} gets is held against the contract.
 * Thread-safe.
 */
final class TestPlatform implements AutoCloseable {
  static final OpenApiContract CONTRACT = OpenApiContract.load(Path.of("..", "openapi.yaml"));

  /** Safety only: nothing here asserts speed. */
  static final Duration PATIENCE = Duration.ofMinutes(2);

  static final int POOL = 2;

  private static final EngineConfig.Deadlines PATIENT = patient(EngineConfig.Deadlines.defaults());

  final LocalEngine engine;
  final URI uri;
  final String key;
  final Podflare client;
  final ApiClient api;
  private final Store store;
  private final Webhooks webhooks;
  private final PodflareServer server;

  private TestPlatform(Path data, EngineConfig config) {
    store = Store.open(data.resolve("podflare.db"));
    engine = LocalEngine.start(config, store);
    webhooks =
        Webhooks.start(
            store,
            WebhookTargets.of(Optional.empty(), List.of(Cidr.parse("127.0.0.1")), false),
            WebhookConfig.defaults());
    server = PodflareServer.start(ServerConfig.of("127.0.0.1", 0, data), engine, store, webhooks);
    uri = URI.create("http://127.0.0.1:" + server.port());
    key = read(data.resolve("admin.key")).strip();
    client = new Podflare(config(key));
    api = new ApiClient(uri, key, CONTRACT);
  }

  /** On a data folder, which may be that of an earlier one. */
  static TestPlatform start(Path data, UnaryOperator<EngineConfig> change) {
    TestTemplates.minimal();
    EngineConfig config =
        EngineConfig.of(data)
            .withTemplates(TestTemplates.folder(), TestTemplates.NAME)
            .withPool(POOL, POOL)
            .withDeadlines(PATIENT)
            .withNetwork(Optional.of(TestInternet.get().config()));
    return new TestPlatform(data, change.apply(config));
  }

  /** A shape that is booted for the first create is waited for, however slow the host is. */
  private static EngineConfig.Deadlines patient(EngineConfig.Deadlines usual) {
    return new EngineConfig.Deadlines(
        PATIENCE, usual.boot(), usual.guest(), usual.interruptGrace(), usual.execution());
  }

  /** The configuration with another limit of sandboxes. */
  static EngineConfig withMost(EngineConfig config, int sandboxes) {
    return withLimits(config, sandboxes, config.limits().memoryReserve());
  }

  /** The same on a host that must keep so much memory. */
  static EngineConfig withReserve(EngineConfig config, DataSize memory) {
    return withLimits(config, config.limits().sandboxes(), memory);
  }

  /** The same on a host whose disk may be as full as it is. */
  static EngineConfig withFullDisk(EngineConfig config) {
    EngineConfig.Limits usual = config.limits();
    return config.withLimits(
        config.lifetimes(),
        new EngineConfig.Limits(
            usual.sandboxes(),
            usual.sandboxesPerKey(),
            usual.memoryOvercommit(),
            usual.memoryReserve(),
            new DataSize(0),
            usual.queuedExecutions(),
            usual.codeBytes(),
            usual.maxFork(),
            usual.maxUndo(),
            usual.undoDisk(),
            usual.processes(),
            usual.contexts(),
            usual.outputBytes()));
  }

  private static EngineConfig withLimits(EngineConfig config, int sandboxes, DataSize reserve) {
    EngineConfig.Limits usual = config.limits();
    return config.withLimits(
        config.lifetimes(),
        new EngineConfig.Limits(
            sandboxes,
            usual.sandboxesPerKey(),
            usual.memoryOvercommit(),
            reserve,
            usual.diskReserve(),
            usual.queuedExecutions(),
            usual.codeBytes(),
            usual.maxFork(),
            usual.maxUndo(),
            usual.undoDisk(),
            usual.processes(),
            usual.contexts(),
            usual.outputBytes()));
  }

  /** A client of another key. */
  Podflare client(String otherKey) {
    return new Podflare(config(otherKey));
  }

  private ClientConfig config(String itsKey) {
    return new ClientConfig(
            uri, Optional.of(itsKey), Duration.ofSeconds(10), PATIENCE, PATIENCE, 64 << 20)
        .withBusyTimeout(Duration.ZERO); // what is refused is looked at
  }

  Sandbox create() {
    return client.create();
  }

  /** From the pool, after waiting until it has one; so the next step runs in a warm guest. */
  Sandbox createWarm() {
    awaitPool(1);
    return client.create(SandboxOptions.defaults());
  }

  void awaitPool(int members) {
    Awaitility.await()
        .atMost(PATIENCE)
        .until(() ->
            client.capacity().templates().values().stream().anyMatch(p -> p.ready() >= members));
  }

  Machine machine(Sandbox sandbox) {
    return engine.probe().machine(sandbox.id());
  }

  /** Reason of a {@code 410 gone}; waits for it. */
  String awaitGone(Sandbox sandbox) {
    return Awaitility.await()
        .atMost(PATIENCE)
        .until(() -> goneReason(sandbox), Optional::isPresent)
        .orElseThrow();
  }

  /** Empty while it lives or is being closed. */
  static Optional<String> goneReason(Sandbox sandbox) {
    try {
      sandbox.info();
      return Optional.empty();
    } catch (ApiException refused) {
      if (refused.status() != 410) {
        throw refused;
      }
      return Optional.of(String.valueOf(refused.details().get("reason")))
          .filter(reason -> !reason.equals("closing"));
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {
    api.close();
    client.close();
    server.close();
    webhooks.close();
    engine.close();
    store.close();
  }
}
