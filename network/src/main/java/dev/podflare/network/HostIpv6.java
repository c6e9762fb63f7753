package dev.podflare.network;

import dev.podflare.linux.Links;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What the host has of IPv6. Its methods run on a thread in the host's namespace; all is looked up
 * when the network opens, but for the neighbours. Stateless.
 */
final class HostIpv6 {
  private static final Cidr GLOBAL = Cidr.parse("2000::/3");
  private static final Cidr LINK_LOCAL = Cidr.parse("fe80::/10");
  private static final String OURS = "pf[0-9a-f]{8}(-.*)?";

  /** Links must carry packets of this size, or the kernel keeps IPv6 off them. */
  static final int LEAST_MTU = 1280;

  /** A route to more than this is a way to the internet, not to neighbours. */
  private static final int WIDEST_NEIGHBOURHOOD = 32;

  private HostIpv6() {}

  /** Why guests can have no IPv6 here; empty if they can. */
  static Optional<String> missing(Links links, NetworkConfig config) {
    if (!config.ipv6()) {
      return Optional.of("it is off in the configuration");
    }
    Optional<String> disabled = Sysctl.read("ipv6/conf/all/disable_ipv6");
    if (disabled.isEmpty()) {
      return Optional.of("the kernel has none");
    }
    if (disabled.get().equals("1")) {
      return Optional.of("it is turned off, by net.ipv6.conf.all.disable_ipv6");
    }
    if (links.routes6().stream().noneMatch(route -> route.prefix() == 0 && !route.nowhere())) {
      return Optional.of("the host has no default route for it");
    }
    if (links.addresses().stream().noneMatch(GLOBAL::contains)) {
      return Optional.of("the host has no global address of it");
    }
    int mtu = HostSetup.mtu(config, links);
    return mtu < LEAST_MTU
        ? Optional.of("packets of " + mtu + " bytes are too small for it")
        : Optional.empty();
  }

  /** Blocks in which the host's neighbours have their addresses, without those of slots. */
  static Set<Cidr> neighbours(Links links) {
    Set<Integer> others =
        links.all().stream()
            .filter(link -> !link.name().matches(OURS))
            .map(Links.Link::index)
            .collect(Collectors.toSet());
    return links.routes6().stream()
        .filter(route -> route.direct() && route.prefix() >= WIDEST_NEIGHBOURHOOD)
        .filter(route -> route.link().stream().anyMatch(others::contains))
        .map(route -> new Cidr(route.destination(), route.prefix()))
        .filter(block -> !LINK_LOCAL.overlaps(block))
        .collect(Collectors.toUnmodifiableSet());
  }
}
