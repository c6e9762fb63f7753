package dev.podflare.network;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.linux.Links;
import dev.podflare.linux.NamespaceThread;
import dev.podflare.linux.Nftables;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Takes away everything of one instance by its names alone: at close, after a start that failed,
 * and at the start after a daemon was killed. Slots lose their link to the host first and the rules
 * go last, so that at no time a guest that still runs is without rules. Can be repeated. Stateless.
 */
final class Leftovers {
  private static final Pattern ELEMENTS = Pattern.compile("elements = \\{([^}]*)}");
  private static final Pattern QUOTED = Pattern.compile("\"([^\"]+)\"");

  private static final Duration PATIENCE = Duration.ofMillis(200);

  private Leftovers() {}

  /**
   * Takes away the slots that are not kept; if none is, everything. The rules of those that are
   * stay in force.
   *
   * @return links on which forwarding is still turned on
   */
  static HostFilter.Opened clearAllBut(
      Plan plan, NamespaceThread host, Network.HostParts parts, Set<Plan.Place> kept) {
    if (kept.isEmpty()) {
      clear(plan, host, parts);
      return HostFilter.Opened.NONE;
    }
    Set<String> names = kept.stream().map(Plan.Place::name).collect(Collectors.toSet());
    removeNamespaces(plan.folder(), names);
    removeLinks(plan, parts.links(), kept.stream().map(Plan.Place::link).toList());
    new ForeignFirewalls(parts.nftables(), plan).close();
    int ignored =
        parts
            .connections()
            .delete(address ->
                plan.outer(address).isPresent() && kept.stream().noneMatch(it -> it.has(address)));
    return opened(plan, parts.nftables());
  }

  static void clear(Plan plan, NamespaceThread host, Network.HostParts parts) {
    removeNamespaces(plan.folder(), Set.of());
    removeLinks(plan, parts.links(), List.of());
    new ForeignFirewalls(parts.nftables(), plan).close();
    HostFilter filter = new HostFilter(parts.nftables(), plan, false);
    restoreForwarding(plan, host, parts, filter);
    parts.links().delete(plan.gateLink());
    parts.links().deleteUnreachable(plan.metric());
    filter.delete();
    int ignored = parts.connections().delete(address -> plan.outer(address).isPresent());
  }

  /** Under the lock, lest another daemon that starts takes for open what is being closed. */
  private static void restoreForwarding(
      Plan plan, NamespaceThread host, Network.HostParts parts, HostFilter filter) {
    HostFilter.Opened opened = opened(plan, parts.nftables());
    if (opened.equals(HostFilter.Opened.NONE)) {
      return;
    }
    try (RangeLock _ = RangeLock.take()) {
      if (!filter.leaveToOthers(opened)) {
        host.run(() -> {
          Forwarding.restore(opened.links());
          Forwarding6.restore(parts.links(), opened.links6());
        });
      }
    }
  }

  /**
   * With its namespace a slot's link goes by itself, and the kernel does many of them in one go,
   * where each single one takes it some 50 ms. Those that are left, because a hypervisor is still
   * in the namespace, are removed one by one.
   */
  private static void removeLinks(Plan plan, Links links, List<String> kept) {
    List<String> left = slotLinks(plan, links, kept);
    int before = Integer.MAX_VALUE;
    while (!left.isEmpty() && left.size() < before) {
      before = left.size();
      pause();
      left = slotLinks(plan, links, kept);
    }
    left.forEach(links::delete);
  }

  private static List<String> slotLinks(Plan plan, Links links, List<String> kept) {
    return links.all().stream()
        .map(Links.Link::name)
        .filter(name -> name.startsWith(plan.gateLink() + "-") && !kept.contains(name))
        .toList();
  }

  private static void pause() {
    try {
      Thread.sleep(PATIENCE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // then they are removed one by one
    }
  }

  private static void removeNamespaces(Path folder, Set<String> kept) {
    if (!Files.isDirectory(folder)) {
      return;
    }
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : (Iterable<Path>) files::iterator) {
        if (!kept.contains(file.getFileName().toString())) {
          boolean ignored = NamespaceThread.release(file);
          Files.delete(file);
        }
      }
      if (kept.isEmpty()) {
        Files.delete(folder);
      }
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot remove " + folder, e);
    }
  }

  /** Links on which forwarding was turned on: the table itself remembers them. */
  private static HostFilter.Opened opened(Plan plan, Nftables nftables) {
    if (!nftables.run("list tables").contains("table inet " + plan.table() + "\n")) {
      return HostFilter.Opened.NONE;
    }
    // A table of an earlier version has no note of IPv6.
    boolean notes6 = nftables.run("list table inet " + plan.table()).contains("set opened6 {");
    return new HostFilter.Opened(
        opened(plan, nftables, "opened"), notes6 ? opened(plan, nftables, "opened6") : List.of());
  }

  private static List<String> opened(Plan plan, Nftables nftables, String set) {
    Matcher elements = ELEMENTS.matcher(nftables.run("list set inet " + plan.table() + " " + set));
    return elements.find()
        ? QUOTED.matcher(elements.group(1)).results().map(quoted -> quoted.group(1)).toList()
        : List.of();
  }
}
