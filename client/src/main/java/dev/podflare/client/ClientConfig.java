package dev.podflare.client;

import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Where the server is and how long to wait for it.
 *
 * @param baseUrl for example {@code http://127.0.0.1:8787}; the API's {@code /v1} is added
 * @param key API key; empty for a server that runs without authentication
 * @param connectTimeout for a connection
 * @param callTimeout for the head of an answer; covers the work of calls that are no stream
 * @param silenceTimeout for the next byte of an answer; streams carry one every 10 seconds
 * @param maxOutputBytes most bytes of an execution's stdout, and of its stderr, that a result keeps
 */
public record ClientConfig(
    URI baseUrl,
    Optional<String> key,
    Duration connectTimeout,
    Duration callTimeout,
    Duration silenceTimeout,
    int maxOutputBytes) {

  /** Where {@code serve} listens when it is not told otherwise. */
  public static final String DEFAULT_LISTEN = "127.0.0.1:8787";

  public ClientConfig {
    if (!Set.of("http", "https").contains(String.valueOf(baseUrl.getScheme()))
        || baseUrl.getHost() == null) {
      throw new IllegalArgumentException(
          "not the address of a server: '" + baseUrl + "'; write http://HOST:PORT");
    }
  }

  /** The given server with usual deadlines. */
  public static ClientConfig of(URI baseUrl, Optional<String> key) {
    return new ClientConfig(
        baseUrl,
        key,
        Duration.ofSeconds(10),
        Duration.ofSeconds(120),
        Duration.ofSeconds(30),
        64 << 20);
  }

  /**
   * Reads {@code PODFLARE_API_URL}, else {@code PODFLARE_HOSTD_URL}, else {@code PODFLARE_HOST} (an
   * address or HOST:PORT), else the default; and {@code PODFLARE_API_KEY}.
   */
  public static ClientConfig fromEnvironment(Map<String, String> environment) {
    String url =
        Stream.of("PODFLARE_API_URL", "PODFLARE_HOSTD_URL", "PODFLARE_HOST")
            .map(name -> environment.getOrDefault(name, ""))
            .filter(value -> !value.isBlank())
            .findFirst()
            .orElse(DEFAULT_LISTEN);
    Optional<String> key =
        Optional.ofNullable(environment.get("PODFLARE_API_KEY")).filter(it -> !it.isBlank());
    return of(address(url), key);
  }

  /** Reads an address; without a scheme it is plain HTTP. */
  public static URI address(String text) {
    String stripped = text.strip();
    return URI.create(stripped.contains("://") ? stripped : "http://" + stripped);
  }

  URI resolve(String path) {
    String base = baseUrl.toString();
    return URI.create((base.endsWith("/") ? base.substring(0, base.length() - 1) : base) + path);
  }
}
