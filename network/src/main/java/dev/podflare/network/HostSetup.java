package dev.podflare.network;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.linux.Links;
import dev.podflare.linux.NamespaceThread;
import dev.podflare.linux.PacketLog;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The steps that set the host up, on a host without leftovers. What they made is taken away by
 * {@link Leftovers}. One thread.
 */
final class HostSetup {
  private static final int MOST_MTU = 1500;
  private static final int FIRST_GROUP = 256;
  private static final int GROUPS = 65_000;
  private static final int GROUPS_TRIED = 16;

  private final NetworkConfig config;
  private final Plan plan;
  private final NamespaceThread host;
  private final Network.HostParts parts;
  private final HostFilter filter;
  private final NeighbourWatch neighbours;
  private final List<Links.Link> uplinks;

  HostSetup(
      NetworkConfig config,
      Plan plan,
      NamespaceThread host,
      Network.HostParts parts,
      HostFilter filter,
      NeighbourWatch neighbours) {
    this.config = config;
    this.plan = plan;
    this.host = host;
    this.parts = parts;
    this.filter = filter;
    this.neighbours = neighbours;
    uplinks = Forwarding.uplinks(parts.links(), config.exceptions());
  }

  /**
   * Makes all; the table first, so that nothing is forwarded without it.
   *
   * @param kept slots of an earlier daemon; if there are any, so are its link and route
   * @param opened links that it has opened
   */
  PacketLog make(Map<Plan.Place, SlotState> kept, HostFilter.Opened opened) {
    LogGroup group = logGroup();
    try {
      Links links = parts.links();
      try (RangeLock _ = RangeLock.take()) {
        if (kept.isEmpty()) {
          requireFreeRange(plan.range(), links);
          requireFreeRange(plan.range6(), links);
        }
        create(group.number(), kept, opened);
        if (kept.isEmpty()) {
          takeRange(links);
        }
      }
      if (filter.ipv6()) {
        make6(links); // also where an earlier daemon had none; what is there already stays
      }
      forward();
      new ForeignFirewalls(parts.nftables(), plan).open();
      return group.log();
    } catch (RuntimeException e) {
      group.log().close();
      throw e;
    }
  }

  private void create(int group, Map<Plan.Place, SlotState> kept, HostFilter.Opened opened) {
    Map<Plan.Place, HostFilter.InForce> policies = new HashMap<>();
    kept.forEach((place, state) -> policies.put(place, state.inForce()));
    filter.create(
        config.exceptions(), neighbours.get(), new HostFilter.Log(group, uid()), policies, opened);
  }

  private void takeRange(Links links) {
    links.addBridge(plan.gateLink());
    links.addAddress(links.index(plan.gateLink()), plan.gate(), 32);
    links.addUnreachable(plan.range().network(), plan.range().prefix(), plan.metric());
  }

  private void make6(Links links) {
    int gate = links.index(plan.gateLink());
    host.run(() -> Sysctl.write("ipv6/conf/" + plan.gateLink() + "/disable_ipv6", "0"));
    links.addAddress(gate, plan.gate6(), 128);
    links.addUnreachable(plan.range6().network(), plan.range6().prefix(), plan.metric());
  }

  /** The largest packet that fits through every link to the internet. */
  static int mtu(NetworkConfig config, Links links) {
    Set<Integer> uplinks6 =
        links.routes6().stream()
            .filter(route -> route.prefix() == 0)
            .flatMap(route -> route.link().stream().boxed())
            .collect(Collectors.toSet());
    return config
        .mtu()
        .orElseGet(() ->
            Stream.concat(
                    Forwarding.uplinks(links, config.exceptions()).stream(),
                    links.all().stream().filter(link -> uplinks6.contains(link.index())))
                .mapToInt(Links.Link::mtu)
                .reduce(MOST_MTU, Math::min));
  }

  /** First the note, then the change, so that a killed daemon's change is known. */
  private void forward() {
    List<String> closed = host.call(() -> Forwarding.closed(uplinks));
    List<String> closed6 =
        filter.ipv6() ? host.call(() -> Forwarding6.closed(parts.links())) : List.of();
    filter.noteOpened(new HostFilter.Opened(closed, closed6));
    host.run(() -> {
      Forwarding.open(closed);
      Forwarding6.open(parts.links(), closed6);
    });
  }

  static void requireFreeRange(Cidr range, Links links) {
    Optional<Cidr> taken = overlapping(range, links);
    if (taken.isPresent()) {
      throw new PodflareException(
          ErrorCode.INVALID_CONFIG,
          "the range of the slots, "
              + range
              + ", overlaps with the host's route to "
              + taken.get()
              + "; choose another range for the network");
    }
  }

  /** Where the host has a route to a part of the range. */
  static Optional<Cidr> overlapping(Cidr range, Links links) {
    return (range.v4() ? links.routes() : links.routes6())
        .stream()
            .filter(route -> route.prefix() > 0)
            .map(route -> new Cidr(route.destination(), route.prefix()))
            .filter(destination -> destination.overlaps(range))
            .findFirst();
  }

  private record LogGroup(int number, PacketLog log) {}

  /** A group of the kernel's packet log that no other program has. */
  private LogGroup logGroup() {
    int first = (int) (Long.parseLong(plan.instance(), 16) % GROUPS);
    for (int attempt = 0; attempt < GROUPS_TRIED; attempt++) {
      int number = FIRST_GROUP + (first + attempt) % GROUPS;
      Optional<PacketLog> log = host.call(() -> PacketLog.open(number));
      if (log.isPresent()) {
        return new LogGroup(number, log.get());
      }
    }
    throw new PodflareException(
        ErrorCode.HOST_NOT_READY,
        "no group of the packet log is free from " + (FIRST_GROUP + first) + " on");
  }

  private static long uid() {
    return new com.sun.security.auth.module.UnixSystem().getUid();
  }
}
