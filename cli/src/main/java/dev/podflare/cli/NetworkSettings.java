package dev.podflare.cli;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.GuestNetworkConfig;
import dev.podflare.network.Cidr;
import dev.podflare.network.Finding;
import dev.podflare.network.FreeRange;
import dev.podflare.network.Network;
import dev.podflare.network.NetworkConfig;
import dev.podflare.network.ProxySettings;
import dev.podflare.network.SlotLimits;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Turns the daemon's words about the network into the engine's. Stateless. */
final class NetworkSettings {
  private static final int DNS = 53;

  private NetworkSettings() {}

  /** Empty where the operator wants none; a proxy comes from the daemon's own environment. */
  static Optional<GuestNetworkConfig> of(
      ServeFile.NetworkPart part, Map<String, String> environment) {
    if (!part.enabled().orElse(true)) {
      return Optional.empty();
    }
    return Optional.of(
        new GuestNetworkConfig(
            part.range().map(Cidr::parse),
            part.allow().orElse(List.of()).stream().map(Cidr::parse).toList(),
            limits(part),
            part.resolvers().orElse(List.of()).stream().map(NetworkSettings::resolver).toList(),
            ProxySettings.fromEnvironment(environment, part.certificates().orElse(List.of())),
            part.ipv6().orElse(Ipv6Choice.AUTO) == Ipv6Choice.AUTO,
            Optional.empty()));
  }

  /** What of the host does not suit the guests' network. */
  static List<HostCheck> checks() {
    NetworkConfig config = NetworkConfig.defaults();
    List<Finding> findings;
    try {
      Cidr range = FreeRange.find(Optional.empty());
      findings = Network.check(config.withRange(range));
      if (findings.isEmpty()) {
        return List.of(
            HostCheck.good("network", "slots can be made, in " + range),
            HostCheck.good("ipv6", ipv6(config)));
      }
    } catch (PodflareException refused) {
      return List.of(HostCheck.bad("network", refused.sentence(), "run as root"));
    }
    return findings.stream()
        .map(it ->
            it.fatal()
                ? HostCheck.bad("network", it.what(), it.fix())
                : HostCheck.weak("network", it.what(), it.fix()))
        .toList();
  }

  private static String ipv6(NetworkConfig config) {
    return Network.ipv6Missing(config)
        .map(reason -> "guests have none and are refused at once: " + reason)
        .orElse("guests reach it by this host's own address");
  }

  private static SlotLimits limits(ServeFile.NetworkPart part) {
    SlotLimits usual = SlotLimits.DEFAULT;
    return new SlotLimits(
        part.uploadBytesPerSecond().orElse(usual.uploadBytesPerSecond()),
        part.downloadBytesPerSecond().orElse(usual.downloadBytesPerSecond()),
        part.packetsPerSecond().orElse(usual.packetsPerSecond()),
        part.connections().orElse(usual.connections()),
        part.newConnectionsPerSecond().orElse(usual.newConnectionsPerSecond()));
  }

  private static InetSocketAddress resolver(String text) {
    Cidr address = Cidr.parse(text);
    if (!address.single()) {
      throw new PodflareException(
          ErrorCode.INVALID_CONFIG, "a resolver must be one address, not " + text);
    }
    InetAddress host = address.network();
    return new InetSocketAddress(host, DNS);
  }
}
