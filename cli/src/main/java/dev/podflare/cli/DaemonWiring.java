package dev.podflare.cli;

import dev.podflare.client.ClientConfig;
import dev.podflare.engine.DataLock;
import dev.podflare.engine.EngineConfig;
import dev.podflare.engine.LocalEngine;
import dev.podflare.image.TemplateFactory;
import dev.podflare.qemu.HypervisorConfig;
import dev.podflare.server.PodflareServer;
import dev.podflare.server.PortsConfig;
import dev.podflare.server.ServerConfig;
import dev.podflare.server.ServerLimits;
import dev.podflare.store.Store;
import dev.podflare.store.checkpoint.CheckpointStore;
import dev.podflare.webhook.WebhookConfig;
import dev.podflare.webhook.Webhooks;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/** Puts the daemon together: store, engine, HTTP server. */
final class DaemonWiring {
  private DaemonWiring() {}

  /** Returns once requests are answered. What was started is undone if a later part fails. */
  static LocalDaemon start(ServeConfig config) {
    return start(config, OnStop.END);
  }

  static LocalDaemon start(ServeConfig config, OnStop onStop) {
    Undo undo = new Undo();
    AtomicBoolean started = new AtomicBoolean();
    try {
      DataLock lock =
          DataLock.acquire(config.data()); // before anything of another daemon is touched
      undo.add(lock::close);
      new TemplateFactory(templates(config), choice(config)).sweep();
      Store store = DatabaseSettings.open(config.database(), config.data());
      undo.add(store::close);
      CheckpointStore checkpoints =
          StoreSettings.open(config.store(), config.data(), System.getenv());
      LocalEngine engine =
          LocalEngine.start(
              engineConfig(config),
              lock,
              store,
              checkpoints,
              StoreSettings.secretsKey(System.getenv()));
      undo.add(() -> end(engine, onStop, started.get()));
      Webhooks webhooks =
          Webhooks.start(
              store,
              WebhookSettings.targets(config.webhooks(), engine.guestRange()),
              WebhookConfig.defaults());
      undo.add(webhooks::close);
      PodflareServer server =
          PodflareServer.start(serverConfig(config, System.getenv()), engine, store, webhooks);
      undo.add(server::close);
      started.set(true);
      return new LocalDaemon(address(config, server), server.newAdminKey(), engine, undo);
    } catch (RuntimeException e) {
      undo.close();
      throw e;
    }
  }

  private static void end(LocalEngine engine, OnStop onStop, boolean started) {
    if (!started) {
      engine.abandonStart();
    } else if (onStop.keepsNow()) {
      engine.leave();
    } else {
      engine.close();
    }
  }

  static Path templates(ServeConfig config) {
    return config.templates().orElse(config.data().resolve("templates"));
  }

  static HypervisorConfig.Choice choice(ServeConfig config) {
    return switch (config.accelerator()) {
      case AUTO -> HypervisorConfig.Choice.AUTO;
      case KVM -> HypervisorConfig.Choice.KVM;
      case TCG -> HypervisorConfig.Choice.TCG;
    };
  }

  private static EngineConfig engineConfig(ServeConfig config) {
    return EngineSettings.of(config, templates(config), choice(config));
  }

  private static ServerConfig serverConfig(ServeConfig config, Map<String, String> environment) {
    return new ServerConfig(
        config.listen().host(),
        config.listen().port(),
        config.data(),
        config.region(),
        config.endpoint(),
        "1".equals(environment.get("PODFLARE_AUTH_DISABLED")),
        fixedKeys(environment.getOrDefault("PODFLARE_API_KEYS", "")),
        ServerLimits.defaults(),
        PortsConfig.defaults().withDomain(config.portsDomain()));
  }

  private static List<String> fixedKeys(String list) {
    return Arrays.stream(list.split(",", -1)).map(String::strip).filter(k -> !k.isEmpty()).toList();
  }

  private static ClientConfig address(ServeConfig config, PodflareServer server) {
    Optional<String> key = DataFolder.adminKey(config.data());
    String host = config.listen().host();
    String shown = host.contains(":") ? "[" + host + "]" : host;
    return ClientConfig.of(ClientConfig.address("http://" + shown + ":" + server.port()), key);
  }
}
