package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Configuration of the HTTP server.
 *
 * @param host name or address to listen on
 * @param port 0 picks a free one
 * @param dataFolder holds {@code admin.key}
 * @param region put into the answers to create, with {@code endpoint}
 * @param endpoint address that a client pins for the sandboxes it created here
 * @param authDisabled every caller is the administrator; refused unless {@code host} is loopback
 * @param fixedKeys texts of further keys, none of them an administrator's
 * @param ports how guests' ports are reached
 */
public record ServerConfig(
    String host,
    int port,
    Path dataFolder,
    Optional<String> region,
    Optional<String> endpoint,
    boolean authDisabled,
    List<String> fixedKeys,
    ServerLimits limits,
    PortsConfig ports) {

  private static final int SHORTEST_KEY = 16;

  public ServerConfig {
    fixedKeys = List.copyOf(fixedKeys);
    if (port < 0 || port > 65535) {
      throw refused("port must be 0 to 65535, not " + port);
    }
    for (String key : fixedKeys) {
      if (key.length() < SHORTEST_KEY || !key.chars().allMatch(c -> c > ' ' && c < 127)) {
        throw refused(
            "a fixed API key must have at least 16 visible ASCII characters; one has "
                + key.length());
      }
    }
    if (authDisabled && !loopback(host)) {
      throw refused(
          "authentication can be switched off only on a loopback listener, not on "
              + host
              + "; listen on 127.0.0.1 or leave it on");
    }
  }

  /** With usual settings for guests' ports. */
  public ServerConfig(
      String host,
      int port,
      Path dataFolder,
      Optional<String> region,
      Optional<String> endpoint,
      boolean authDisabled,
      List<String> fixedKeys,
      ServerLimits limits) {
    this(
        host,
        port,
        dataFolder,
        region,
        endpoint,
        authDisabled,
        fixedKeys,
        limits,
        PortsConfig.defaults());
  }

  /** The same with other settings for guests' ports. */
  public ServerConfig withPorts(PortsConfig other) {
    return new ServerConfig(
        host, port, dataFolder, region, endpoint, authDisabled, fixedKeys, limits, other);
  }

  public static ServerConfig of(String host, int port, Path dataFolder) {
    return new ServerConfig(
        host,
        port,
        dataFolder,
        Optional.empty(),
        Optional.empty(),
        false,
        List.of(),
        ServerLimits.defaults());
  }

  private static boolean loopback(String host) {
    try {
      for (InetAddress address : InetAddress.getAllByName(host)) {
        if (!address.isLoopbackAddress()) {
          return false;
        }
      }
      return true;
    } catch (UnknownHostException unknown) {
      throw refused("cannot listen on the unknown host " + host);
    }
  }

  private static PodflareException refused(String sentence) {
    return new PodflareException(ErrorCode.INVALID_CONFIG, sentence);
  }
}
