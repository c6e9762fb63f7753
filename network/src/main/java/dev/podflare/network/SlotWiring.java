package dev.podflare.network;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.linux.Conntrack;
import dev.podflare.linux.Links;
import dev.podflare.linux.Links.VethEnd;
import dev.podflare.linux.NamespaceThread;
import dev.podflare.linux.TapDevice;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Makes the namespaces of slots and all that is in them, without a process. Thread-safe: the work
 * in namespaces is done by one thread, one slot after the other.
 */
final class SlotWiring {
  private final NamespaceThread host;
  private final NamespaceThread worker;
  private final Links hostLinks;
  private final Plan plan;
  private final SlotFilter filter;
  private final int mtu;
  private final boolean ipv6;

  /** Those of this daemon; others may have been made without IPv6. */
  private final Set<Plan.Place> made = ConcurrentHashMap.newKeySet();

  /**
   * @param host lives in the host's namespace
   * @param worker goes into the slots' namespaces
   * @param ipv6 whether slots carry it
   */
  SlotWiring(
      NamespaceThread host,
      NamespaceThread worker,
      Links hostLinks,
      Plan plan,
      SlotFilter filter,
      int mtu,
      boolean ipv6) {
    this.host = host;
    this.worker = worker;
    this.hostLinks = hostLinks;
    this.plan = plan;
    this.filter = filter;
    this.mtu = mtu;
    this.ipv6 = ipv6;
  }

  /** Makes all of one slot; what failed half-way is taken away again. */
  void make(Plan.Place place) {
    try {
      Files.createDirectories(plan.folder());
      Files.createFile(place.namespace());
      worker.create(place.namespace());
      inside(place, this::prepare);
      hostLinks.addVeth(
          new VethEnd(place.link(), Plan.HOST_MAC),
          new VethEnd(Plan.UPLINK, Plan.UPLINK_MAC),
          place.namespace(),
          mtu);
      inside(place, () -> furnish(place));
      joinHost(place);
      made.add(place);
    } catch (IOException e) {
      unmake(place);
      throw new PodflareException(
          ErrorCode.HOST_NOT_READY, "cannot make namespace " + place.namespace(), e);
    } catch (RuntimeException e) {
      unmake(place);
      throw e;
    }
  }

  /** Takes all of one slot away, also of one that was half made. */
  void unmake(Plan.Place place) {
    made.remove(place);
    hostLinks.delete(place.link());
    boolean ignored = NamespaceThread.release(place.namespace());
    try {
      Files.deleteIfExists(place.namespace());
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot remove " + place.namespace(), e);
    }
  }

  /**
   * Makes everything anew that a guest or its hypervisor could have changed: the tap with all its
   * settings, the tables with their counters, the connections. A slot that an earlier daemon made
   * gets IPv6 if it had none.
   *
   * @throws PodflareException {@code wrong_state} while a hypervisor has the tap open
   */
  void renew(Plan.Place place) {
    inside(
        place,
        () -> {
          TapDevice.requireFree(Plan.TAP);
          try (Links links = Links.open();
              Conntrack connections = Conntrack.open()) {
            links.delete(Plan.TAP);
            if (ipv6 && !made.contains(place)) {
              boolean ignored = prepare();
              quiet(Plan.UPLINK);
              furnish6(links, links.index(Plan.UPLINK), place);
            }
            makeTap(links);
            filter.load(place);
            connections.flush();
          }
          return true;
        });
    if (ipv6 && made.add(place)) {
      host.run(() -> quiet(place.link()));
      join6(place, hostLinks.index(place.link()));
    }
  }

  void giveTap(Plan.Place place, int uid) {
    inside(
        place,
        () -> {
          TapDevice.giveTo(Plan.TAP, uid);
          return true;
        });
  }

  /** Runs a task in the slot's namespace. */
  <T> T inside(Plan.Place place, Callable<T> task) {
    return worker.callIn(place.namespace(), task);
  }

  /**
   * Before any link is there, so that none ever has an IPv6 address; where slots carry IPv6, none
   * but those that it is given.
   */
  private boolean prepare() {
    if (ipv6) {
      quiet("default");
      Sysctl.write("ipv6/conf/all/disable_ipv6", "0");
      Sysctl.write("ipv6/conf/all/forwarding", "1");
    } else {
      Sysctl.writeIfThere("ipv6/conf/all/disable_ipv6", "1");
      Sysctl.writeIfThere("ipv6/conf/default/disable_ipv6", "1");
    }
    Sysctl.write("ipv4/ip_forward", "1");
    return true;
  }

  /** IPv6 on a link that gives itself no address, asks for none and takes none. */
  private static void quiet(String link) {
    String settings = "ipv6/conf/" + link + "/";
    Sysctl.writeIfThere(settings + "addr_gen_mode", "1");
    Sysctl.writeIfThere(settings + "accept_ra", "0");
    Sysctl.writeIfThere(settings + "accept_dad", "0");
    Sysctl.write(settings + "disable_ipv6", "0");
  }

  private boolean furnish(Plan.Place place) {
    try (Links links = Links.open()) {
      int uplink = links.index(Plan.UPLINK);
      links.bringUp(uplink);
      links.addAddress(uplink, place.outer(), 32);
      links.addNeighbour(uplink, plan.gate(), Plan.HOST_MAC);
      links.addRoute(plan.gate(), 32, uplink, Optional.empty(), Optional.empty());
      links.addRoute(Cidr.ANY_V4.network(), 0, uplink, Optional.of(plan.gate()), Optional.empty());
      if (ipv6) {
        furnish6(links, uplink, place);
      }
      makeTap(links);
      filter.load(place);
    }
    return true;
  }

  private void furnish6(Links links, int uplink, Plan.Place place) {
    links.addAddress(uplink, place.outer6(), 128);
    links.addNeighbour(uplink, plan.gate6(), Plan.HOST_MAC);
    links.addRoute(plan.gate6(), 128, uplink, Optional.empty(), Optional.empty());
    links.addRoute(Cidr.ANY_V6.network(), 0, uplink, Optional.of(plan.gate6()), Optional.empty());
  }

  private void makeTap(Links links) {
    TapDevice.create(Plan.TAP);
    int tap = links.index(Plan.TAP);
    links.bringUp(tap, Optional.of(Plan.GATEWAY_MAC), OptionalInt.of(mtu));
    links.addAddress(tap, Plan.inner(Plan.GATEWAY), Plan.INNER_PREFIX);
    links.addNeighbour(tap, Plan.inner(Plan.GUEST), Plan.GUEST_MAC);
    if (ipv6) {
      links.addAddress(tap, Plan.inner(Plan.GATEWAY6), Plan.INNER_PREFIX6);
      links.addNeighbour(tap, Plan.inner(Plan.GUEST6), Plan.GUEST_MAC);
    }
  }

  private void joinHost(Plan.Place place) {
    int link = hostLinks.index(place.link());
    host.run(() -> {
      if (ipv6) {
        quiet(place.link());
      } else {
        Sysctl.writeIfThere("ipv6/conf/" + place.link() + "/disable_ipv6", "1");
      }
      Sysctl.write("ipv4/conf/" + place.link() + "/forwarding", "1");
    });
    hostLinks.bringUp(link);
    hostLinks.addNeighbour(link, place.outer(), Plan.UPLINK_MAC);
    hostLinks.addRoute(place.outer(), 32, link, Optional.empty(), Optional.of(plan.gate()));
    if (ipv6) {
      join6(place, link);
    }
  }

  private void join6(Plan.Place place, int link) {
    hostLinks.addNeighbour(link, place.outer6(), Plan.UPLINK_MAC);
    hostLinks.addRoute(place.outer6(), 128, link, Optional.empty(), Optional.of(plan.gate6()));
  }
}
