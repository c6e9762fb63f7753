package dev.podflare.network;

import dev.podflare.linux.Links;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/**
 * Lets the host forward IPv6. There the kernel has one switch for all links, and throwing it makes
 * each link a router's: default routes that were learnt from router advertisements are dropped, and
 * no more are taken. So it is thrown while links keep their routes whatever they are, and then each
 * link is made a host's again, which does not hinder forwarding. The packet filter keeps the host
 * from forwarding for anybody else. Its methods run on a thread in the host's namespace. Stateless.
 */
final class Forwarding6 {
  /** Stands for the switch itself among the names of links; no link can have this name. */
  static final String SWITCH = "all";

  private static final String NEW_LINKS = "default";

  private Forwarding6() {}

  /** What {@link #open} is going to change: the switch, and links that take advertisements. */
  static List<String> closed(Links links) {
    List<String> closed = new ArrayList<>();
    if (!is(forwarding(SWITCH), "1")) {
      closed.add(SWITCH);
      links.all().stream()
          .map(Links.Link::name)
          .filter(link -> is(advertisements(link), "1"))
          .forEach(closed::add);
    }
    return closed;
  }

  static void open(Links links, Collection<String> closed) {
    if (!closed.contains(SWITCH)) {
      return;
    }
    List<String> hosts = new ArrayList<>(List.of(NEW_LINKS));
    links.all().stream()
        .map(Links.Link::name)
        .filter(link -> is(forwarding(link), "0"))
        .forEach(hosts::add);
    List<String> hearing = closed.stream().filter(link -> !link.equals(SWITCH)).toList();
    // 2 is to listen even as a router
    hearing.forEach(link -> Sysctl.writeIfThere(advertisements(link), "2"));
    Sysctl.write(forwarding(SWITCH), "1");
    hosts.forEach(link -> Sysctl.writeIfThere(forwarding(link), "0"));
    hearing.forEach(link -> Sysctl.writeIfThere(advertisements(link), "1"));
  }

  /**
   * Puts back what {@link #open} changed, also where it was killed half-way; unless the host became
   * a router meanwhile, which makes new links routers too.
   */
  static void restore(Links links, Collection<String> opened) {
    if (opened.contains(SWITCH) && is(forwarding(NEW_LINKS), "0")) {
      List<String> routers =
          links.all().stream()
              .map(Links.Link::name)
              .filter(link -> is(forwarding(link), "1"))
              .toList();
      Sysctl.writeIfThere(forwarding(SWITCH), "0");
      routers.forEach(link -> Sysctl.writeIfThere(forwarding(link), "1"));
    }
    for (String link : opened) {
      if (!link.equals(SWITCH) && is(advertisements(link), "2")) {
        Sysctl.writeIfThere(advertisements(link), "1");
      }
    }
  }

  private static boolean is(String setting, String value) {
    return Sysctl.read(setting).equals(Optional.of(value));
  }

  private static String forwarding(String link) {
    return "ipv6/conf/" + link + "/forwarding";
  }

  private static String advertisements(String link) {
    return "ipv6/conf/" + link + "/accept_ra";
  }
}
