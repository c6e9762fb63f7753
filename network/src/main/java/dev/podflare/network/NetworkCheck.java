package dev.podflare.network;

import dev.podflare.common.PodflareException;
import dev.podflare.linux.Links;
import dev.podflare.linux.NamespaceThread;
import dev.podflare.linux.Nftables;
import dev.podflare.linux.TapDevice;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Looks at the host without changing it. The one test that makes something makes it in a namespace
 * of its own: both rule sets are loaded there, so that whatever the kernel lacks shows. One thread.
 */
final class NetworkCheck {
  private static final Path TUN = Path.of("/dev/net/tun");
  private static final long SLOTS_OF_A_BUSY_HOST = 100;

  private final NetworkConfig config;
  private final List<Finding> findings = new ArrayList<>();

  NetworkCheck(NetworkConfig config) {
    this.config = config;
  }

  List<Finding> findings() {
    if (!Files.exists(TUN)) {
      fatal("there is no " + TUN + ", which taps are made of", "run: modprobe tun");
    }
    try (NamespaceThread host = NamespaceThread.open("network-check", config.hostNamespace())) {
      host.run(this::host);
    } catch (PodflareException e) {
      fatal(e.sentence(), "run as root, with libnftables1 installed");
    }
    ruleSets();
    return List.copyOf(findings);
  }

  private void host() {
    try (Links links = Links.open();
        Nftables nftables = Nftables.open()) {
      routes(links);
      firewalls(nftables);
    }
    connections();
  }

  private void routes(Links links) {
    try {
      boolean mine = links.all().stream().anyMatch(link -> link.name().matches("pf[0-9a-f]{8}"));
      if (!mine) {
        HostSetup.requireFreeRange(config.range(), links);
      }
    } catch (PodflareException e) {
      fatal(e.sentence(), "set another range for the network in the daemon's configuration");
    }
    if (Forwarding.uplinks(links, config.exceptions()).isEmpty()) {
      warn("the host has no default route, so guests reach nothing", "connect the host");
    }
  }

  private void firewalls(Nftables nftables) {
    Plan plan = new Plan("00000000", config.range());
    String links = "pf*";
    if (nftables.run("list tables").contains(" firewalld\n")) {
      warn(
          "firewalld may refuse what slots send to resolver and internet",
          "run: firewall-cmd --permanent --zone=trusted --add-source="
              + config.range()
              + " --add-source=fd73::/16 && firewall-cmd --reload");
    }
    for (ForeignFirewalls.Dropping chain : new ForeignFirewalls(nftables, plan).dropping()) {
      warn(
          chain + " drops what it does not know",
          "nothing to do: the daemon accepts its own links (" + links + ") there while it runs");
    }
    if (legacy()) {
      warn(
          "iptables-legacy has a filter table, which the daemon cannot see; if its chain FORWARD"
              + " drops by policy, guests reach nothing",
          "if so, run: iptables-legacy -I FORWARD -s "
              + config.range()
              + " -j ACCEPT; iptables-legacy -I FORWARD -d "
              + config.range()
              + " -j ACCEPT");
    }
  }

  private static boolean legacy() {
    try {
      return Files.readString(Path.of("/proc/thread-self/net/ip_tables_names")).contains("filter");
    } catch (IOException none) {
      return false;
    }
  }

  private void connections() {
    long most =
        Sysctl.read("netfilter/nf_conntrack_max").map(Long::parseLong).orElse(Long.MAX_VALUE);
    long wanted = SLOTS_OF_A_BUSY_HOST * config.limits().connections();
    if (most < wanted) {
      warn(
          "the kernel tracks at most " + most + " connections, and 100 slots may open " + wanted,
          "run: sysctl -w net.netfilter.nf_conntrack_max=" + 2 * wanted);
    }
  }

  private void ruleSets() {
    try {
      Path namespace = Files.createTempFile("podflare-check", "");
      try (NamespaceThread thread = NamespaceThread.open("network-check", Optional.empty())) {
        thread.create(namespace);
        Plan plan = new Plan("00000000", config.range());
        boolean ignored = thread.callIn(namespace, () -> load(plan));
      } finally {
        boolean ignored = NamespaceThread.release(namespace);
        Files.delete(namespace);
      }
    } catch (IOException | PodflareException e) {
      fatal(
          "the kernel does not take the packet filter's rules: " + e.getMessage(),
          "run as root on Linux 5.15 or newer with nf_tables and its modules");
    }
  }

  private boolean load(Plan plan) {
    try (Nftables nftables = Nftables.open();
        Links links = Links.open()) {
      for (boolean ipv6 : List.of(false, true)) {
        new HostFilter(nftables, plan, ipv6)
            .create(
                config.exceptions(),
                List.of(),
                new HostFilter.Log(1, 0),
                Map.of(),
                HostFilter.Opened.NONE);
      }
      TapDevice.create(Plan.TAP);
      for (boolean ipv6 : List.of(true, false)) {
        new SlotFilter(plan, config.limits(), ipv6).load(plan.place(0));
      }
      links.delete(Plan.TAP);
      return true;
    }
  }

  private void fatal(String what, String fix) {
    findings.add(new Finding(true, what, fix));
  }

  private void warn(String what, String fix) {
    findings.add(new Finding(false, what, fix));
  }
}
