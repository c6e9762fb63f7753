package dev.podflare.client;

import java.net.URI;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Where the server is and how long to wait for it.
 *
 * @param baseUrl for example {@code http://127.0.0.1:8787}; the API's {@code /v1} is added
 * @param key API key; empty for a server that runs without authentication
 * @param connectTimeout for a connection
 * @param callTimeout for the head of an answer, with all repetitions of its call; covers the work
 *     of calls that are no stream
 * @param silenceTimeout for the next byte of an answer; streams carry one every 10 seconds
 * @param maxOutputBytes most bytes of an execution's stdout, of its stderr, and of the values that
 *     it showed, that a result keeps; 0 suits those who listen
 * @param retries how often a call that can be repeated is repeated after a broken connection
 * @param busyTimeout how long a call that can be repeated waits for a server that says it is busy;
 *     zero: what is refused is refused at once
 * @param rejoinTimeout how long a stream that was cut is tried to be joined again, counted from
 *     where it last said something; zero: not at all
 */
public record ClientConfig(
    URI baseUrl,
    Optional<String> key,
    Duration connectTimeout,
    Duration callTimeout,
    Duration silenceTimeout,
    int maxOutputBytes,
    int retries,
    Duration busyTimeout,
    Duration rejoinTimeout) {
  private static final int RETRIES = 2;

  /** Where {@code serve} listens when it is not told otherwise. */
  public static final String DEFAULT_LISTEN = "127.0.0.1:8787";

  public ClientConfig {
    if (!Set.of("http", "https").contains(String.valueOf(baseUrl.getScheme()))
        || baseUrl.getHost() == null) {
      throw new IllegalArgumentException(
          "not the address of a server: '" + baseUrl + "'; write http://HOST:PORT");
    }
    if (retries < 0 || busyTimeout.isNegative() || rejoinTimeout.isNegative()) {
      throw new IllegalArgumentException("retries and times cannot be negative");
    }
  }

  /** Repeats, waits and joins again as usual: for as long as a call may take. */
  public ClientConfig(
      URI baseUrl,
      Optional<String> key,
      Duration connectTimeout,
      Duration callTimeout,
      Duration silenceTimeout,
      int maxOutputBytes) {
    this(
        baseUrl,
        key,
        connectTimeout,
        callTimeout,
        silenceTimeout,
        maxOutputBytes,
        RETRIES,
        callTimeout,
        callTimeout);
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

  /** The same with another {@code maxOutputBytes}. */
  public ClientConfig withMaxOutputBytes(int bytes) {
    return with(parts -> parts.maxOutputBytes = bytes);
  }

  /** The same with other {@code retries}. */
  public ClientConfig withRetries(int times) {
    return with(parts -> parts.retries = times);
  }

  /** The same with another {@code busyTimeout}. */
  public ClientConfig withBusyTimeout(Duration time) {
    return with(parts -> parts.busyTimeout = time);
  }

  /** The same with another {@code rejoinTimeout}. */
  public ClientConfig withRejoinTimeout(Duration time) {
    return with(parts -> parts.rejoinTimeout = time);
  }

  /** The same with another key. */
  public ClientConfig withKey(Optional<String> other) {
    return with(parts -> parts.key = other);
  }

  private ClientConfig with(Consumer<Parts> change) {
    Parts parts = new Parts(this);
    change.accept(parts);
    return parts.whole();
  }

  /** What can be changed of a configuration, while it is. */
  private static final class Parts {
    private final ClientConfig from;
    private Optional<String> key;
    private int maxOutputBytes;
    private int retries;
    private Duration busyTimeout;
    private Duration rejoinTimeout;

    Parts(ClientConfig from) {
      this.from = from;
      this.key = from.key;
      this.maxOutputBytes = from.maxOutputBytes;
      this.retries = from.retries;
      this.busyTimeout = from.busyTimeout;
      this.rejoinTimeout = from.rejoinTimeout;
    }

    ClientConfig whole() {
      return new ClientConfig(
          from.baseUrl,
          key,
          from.connectTimeout,
          from.callTimeout,
          from.silenceTimeout,
          maxOutputBytes,
          retries,
          busyTimeout,
          rejoinTimeout);
    }
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
