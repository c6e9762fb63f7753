package dev.podflare.network;

import dev.podflare.linux.Links;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/**
 * Lets the host forward what comes back from the internet. Only on the links that slots use, and
 * only where it is off; the packet filter keeps such a link from forwarding anything else. Its
 * methods run on a thread in the host's namespace. Stateless.
 *
 * <p>Links are looked up when the network opens: if the host's default route moves to another link
 * later, restart the daemon.
 */
final class Forwarding {
  private Forwarding() {}

  /** Links to the internet and to what the operator opened. */
  static List<Links.Link> uplinks(Links links, List<Cidr> exceptions) {
    List<Integer> indexes =
        links.routes().stream()
            .filter(route -> route.prefix() == 0 || leadsTo(route, exceptions))
            .flatMap(route -> route.link().stream().boxed())
            .distinct()
            .toList();
    return links.all().stream().filter(link -> indexes.contains(link.index())).toList();
  }

  private static boolean leadsTo(Links.Route route, List<Cidr> exceptions) {
    Cidr destination = new Cidr(route.destination(), route.prefix());
    return exceptions.stream().anyMatch(destination::overlaps);
  }

  /** Names of those links that do not forward. */
  static List<String> closed(Collection<Links.Link> links) {
    List<String> closed = new ArrayList<>();
    for (Links.Link link : links) {
      if (Sysctl.read(setting(link.name())).equals(Optional.of("0"))) {
        closed.add(link.name());
      }
    }
    return closed;
  }

  static void open(Collection<String> links) {
    links.forEach(link -> Sysctl.write(setting(link), "1"));
  }

  /** Puts back what {@link #open} changed, unless the host became a router meanwhile. */
  static void restore(Collection<String> links) {
    if (Sysctl.read("ipv4/ip_forward").equals(Optional.of("0"))) {
      links.forEach(link -> Sysctl.writeIfThere(setting(link), "0"));
    }
  }

  private static String setting(String link) {
    return "ipv4/conf/" + link + "/forwarding";
  }
}
