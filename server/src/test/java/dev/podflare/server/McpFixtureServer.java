package dev.podflare.server;

import dev.podflare.mcp.FixtureFeatures;
import dev.podflare.network.Cidr;
import dev.podflare.server.testing.FakeEngine;
import dev.podflare.store.Store;
import dev.podflare.webhook.WebhookConfig;
import dev.podflare.webhook.WebhookTargets;
import dev.podflare.webhook.Webhooks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A program for {@code tests/mcp}: a whole server, without authentication, whose {@code /mcp} has
 * the tools that the official conformance suite wants. It prints its address and runs until its
 * standard input ends.
 */
public final class McpFixtureServer {
  private McpFixtureServer() {}

  /** {@code arguments}: a folder for its records. */
  public static void main(String[] arguments) throws IOException {
    Path folder = Files.createDirectories(Path.of(arguments[0]));
    ServerConfig config =
        new ServerConfig(
            "127.0.0.1",
            0,
            folder,
            Optional.empty(),
            Optional.empty(),
            true,
            List.of(),
            ServerLimits.defaults());
    WebhookTargets targets =
        WebhookTargets.of(Optional.empty(), List.of(Cidr.parse("127.0.0.1")), false);
    try (Store store = Store.open(folder.resolve("podflare.db"));
        Webhooks webhooks = Webhooks.start(store, targets, WebhookConfig.defaults());
        PodflareServer server =
            PodflareServer.start(
                config, new FakeEngine(), store, webhooks, _ -> new FixtureFeatures())) {
      System.out.println("http://localhost:" + server.port() + "/mcp");
      while (System.in.read() >= 0) {
        // until the end
      }
    }
  }
}
