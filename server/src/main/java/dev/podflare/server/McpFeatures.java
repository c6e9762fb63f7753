package dev.podflare.server;

import dev.podflare.client.ClientConfig;
import dev.podflare.client.Podflare;
import dev.podflare.mcp.Features;
import dev.podflare.mcp.PodflareFeatures;
import dev.podflare.mcp.SessionOptions;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.Optional;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What MCP sessions offer: the tools of the other door, over this server's own address and with the
 * caller's key, so that every call is checked, limited and counted as any other. Thread-safe.
 */
final class McpFeatures implements McpRoutes.Source, AutoCloseable {
  private final String host;
  private final IntSupplier port;
  private @Nullable Podflare connections; // guarded by this

  /** {@code port}: on which the server listens, asked for when the first session begins. */
  McpFeatures(ServerConfig config, IntSupplier port) {
    this.host = reachable(config.host());
    this.port = port;
  }

  @Override
  public Features open(Exchange exchange) {
    SessionOptions options =
        new SessionOptions(
            exchange.query("sandbox"),
            exchange.query("template"),
            switch (exchange.query("keep").orElse("false")) {
              case "true" -> true;
              case "false" -> false;
              default -> throw Fields.invalid("keep", "true or false");
            });
    return new PodflareFeatures(
        connections().withKey(exchange.header("Authorization").map(McpFeatures::key)), options);
  }

  private synchronized Podflare connections() {
    if (connections == null) {
      URI address = URI.create("http://" + host + ":" + port.getAsInt());
      connections =
          new Podflare(
              ClientConfig.of(address, Optional.empty())
                  .withMaxOutputBytes(0)
                  .withBusyTimeout(Duration.ZERO));
    }
    return connections;
  }

  private static String key(String authorization) {
    return authorization.regionMatches(true, 0, "Bearer ", 0, 7)
        ? authorization.substring(7).strip()
        : authorization;
  }

  /** Where a server that listens there is reached from this host. */
  private static String reachable(String host) {
    try {
      InetAddress address = InetAddress.getByName(host);
      if (address.isAnyLocalAddress()) {
        return "127.0.0.1";
      }
    } catch (UnknownHostException unknown) {
      return host; // nobody can listen there either
    }
    return host.contains(":") && !host.startsWith("[") ? "[" + host + "]" : host;
  }

  @Override
  public synchronized void close() {
    if (connections != null) {
      connections.close();
    }
  }
}
