package dev.podflare.engine;

import dev.podflare.network.Cidr;
import dev.podflare.network.NetworkConfig;
import dev.podflare.network.ProxySettings;
import dev.podflare.network.SlotLimits;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How guests are joined to the host's network.
 *
 * @param range outer addresses of the slots; empty: the first free block of 10.213.0.0/16 and the
 *     following ones
 * @param exceptions of the always-denied ranges: what the operator opens to guests
 * @param limits of one guest
 * @param resolvers that names are asked of; empty: the host's own
 * @param proxy through which guests reach the outside, as their environment says it
 * @param ipv6 whether guests have IPv6 where the host has it
 * @param hostNamespace network namespace that counts as the host; empty: the daemon's own
 */
public record GuestNetworkConfig(
    Optional<Cidr> range,
    List<Cidr> exceptions,
    SlotLimits limits,
    List<InetSocketAddress> resolvers,
    ProxySettings proxy,
    boolean ipv6,
    Optional<Path> hostNamespace) {
  public GuestNetworkConfig {
    exceptions = List.copyOf(exceptions);
    resolvers = List.copyOf(resolvers);
  }

  /** Everything by default, without a proxy. */
  public static GuestNetworkConfig defaults() {
    return new GuestNetworkConfig(
        Optional.empty(),
        List.of(),
        SlotLimits.DEFAULT,
        List.of(),
        ProxySettings.NONE,
        true,
        Optional.empty());
  }

  /** What the network module is told, with this range. */
  NetworkConfig network(Cidr chosen) {
    return new NetworkConfig(chosen, exceptions, limits, OptionalInt.empty(), ipv6, hostNamespace);
  }
}
