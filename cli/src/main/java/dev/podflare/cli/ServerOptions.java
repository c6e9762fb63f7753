package dev.podflare.cli;

import dev.podflare.client.ClientConfig;
import dev.podflare.client.Podflare;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/**
 * Which server a verb talks to: the options, else the environment, else the daemon of this machine
 * with the key from its data folder.
 */
final class ServerOptions {
  @Option(
      names = "--url",
      paramLabel = "URL",
      description =
          "Server; else PODFLARE_API_URL or PODFLARE_HOST, else " + ClientConfig.DEFAULT_LISTEN)
  @Nullable String url;

  @Option(
      names = "--key",
      paramLabel = "KEY",
      description = "API key; else PODFLARE_API_KEY, else admin.key of the data folder")
  @Nullable String key;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description = "Data folder of the daemon of this machine, for its key")
  @Nullable Path data;

  Podflare connect() {
    return new Podflare(config(System.getenv()));
  }

  ClientConfig config(Map<String, String> environment) {
    ClientConfig fromEnvironment = ClientConfig.fromEnvironment(environment);
    URI address = url == null ? fromEnvironment.baseUrl() : ClientConfig.address(url);
    Optional<String> chosen =
        Optional.ofNullable(key)
            .or(fromEnvironment::key)
            .or(() -> DataFolder.adminKey(data == null ? DataFolder.standard() : data));
    return ClientConfig.of(address, chosen).withBusyTimeout(Duration.ZERO); // a person decides
  }
}
