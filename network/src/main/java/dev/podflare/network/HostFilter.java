package dev.podflare.network;

import dev.podflare.linux.Nftables;
import java.net.InetAddress;
import java.security.SecureRandom;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BinaryOperator;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The daemon's table in the host's namespace, made of {@link HostRules}. Each method is one
 * transaction. Thread-safe.
 */
final class HostFilter {
  /** Why packets were refused: the end of a set's name, and the prefix in the log. */
  static final List<String> REASONS = List.of("policy", "always", "unchecked");

  /** Guests of other daemons are for these to judge. */
  private static final String STRANGERS =
      "iifname != \"pf*\" ct state new ct status & dnat == 0 drop";

  private static final Pattern TABLE = Pattern.compile("table inet (podflare_[0-9a-f]{8})\\b");
  private static final Pattern PACKETS = Pattern.compile("counter packets (\\d+)");

  private final Nftables nftables;
  private final Plan plan;
  private final String table;
  private final List<IpVersion> versions;
  private final SecureRandom random = new SecureRandom();

  /**
   * @param ipv6 whether guests have it; else the table knows nothing of it and drops it
   */
  HostFilter(Nftables nftables, Plan plan, boolean ipv6) {
    this.nftables = nftables;
    this.plan = plan;
    this.table = plan.table();
    this.versions = IpVersion.of(ipv6);
  }

  boolean ipv6() {
    return versions.contains(IpVersion.V6);
  }

  /**
   * Makes the table anew; an old one goes in the same transaction.
   *
   * @param exceptions what the operator opens
   * @param neighbours blocks that are closed for now, see {@link #closeNeighbours}
   * @param kept slots that are known from the first moment on
   * @param opened links that an earlier daemon has opened, see {@link #noteOpened}
   */
  void create(
      List<Cidr> exceptions,
      Collection<Cidr> neighbours,
      Log log,
      Map<Plan.Place, InForce> kept,
      Opened opened) {
    run(
        drop()
            + HostRules.text(plan, log, ipv6())
            + excepted(exceptions)
            + closed(neighbours)
            + noted(table, opened)
            + kept.entrySet().stream()
                .map(slot -> slot(slot.getKey(), slot.getValue()))
                .collect(Collectors.joining()));
  }

  /**
   * Where refusals are told, and who the daemon is.
   *
   * @param group of the kernel's packet log
   */
  record Log(int group, long uid) {}

  /** Links that were changed for forwarding: of IPv4, and of IPv6. */
  record Opened(List<String> links, List<String> links6) {
    static final Opened NONE = new Opened(List.of(), List.of());
  }

  private String excepted(List<Cidr> exceptions) {
    return each(version -> {
      List<Cidr> blocks = version.blocks(exceptions);
      return add("exceptions" + version.suffix, blocks)
          + add(
              "single_exceptions" + version.suffix, blocks.stream().filter(Cidr::single).toList());
    });
  }

  /** Commands for each version that guests have. */
  private String each(Function<IpVersion, String> commands) {
    return versions.stream().map(commands).collect(Collectors.joining());
  }

  /** Closes these blocks of the host's neighbours and no others. */
  void closeNeighbours(Collection<Cidr> blocks) {
    String commands = closed(blocks);
    if (!commands.isEmpty()) {
      run(commands);
    }
  }

  private String closed(Collection<Cidr> blocks) {
    return ipv6() ? "flush set inet " + table + " neighbours6\n" + add("neighbours6", blocks) : "";
  }

  /** Removes the table; nothing happens if there is none. */
  void delete() {
    run(drop());
  }

  /** Adding first makes the deletion right in both cases. */
  private String drop() {
    return "add table inet " + table + "\ndelete table inet " + table + "\n";
  }

  /** Leads queries to the resolver, connections with names to the gate, and those for volumes. */
  void serve(Services services) {
    String gate = Addresses.text(plan.gate());
    String resolver = "meta l4proto { tcp, udp } th dport " + services.resolverPort() + " accept";
    run(
        rule(
                "resolver",
                "meta l4proto { tcp, udp } dnat ip to " + gate + ":" + services.resolverPort())
            + rule("gate", "meta l4proto tcp dnat ip to " + gate + ":" + services.gatePort())
            + gate6(services.gatePort6())
            + rule("to_resolver", resolver)
            + volumes(gate, services.volumePort()));
  }

  private String gate6(int port) {
    String gate = "[" + Addresses.text(plan.gate6()) + "]";
    return port == 0 || !ipv6()
        ? ""
        : rule("gate6", "meta l4proto tcp dnat ip6 to " + gate + ":" + port);
  }

  private String volumes(String gate, int port) {
    return port == 0
        ? "flush chain inet %1$s volumes\nflush chain inet %1$s to_volumes\n".formatted(table)
        : rule("volumes", "meta l4proto tcp dnat ip to " + gate + ":" + port)
            + rule("to_volumes", "meta l4proto tcp th dport " + port + " accept");
  }

  private String rule(String chain, String rule) {
    return rule(table, chain, rule);
  }

  private static String rule(String table, String chain, String rule) {
    return "flush chain inet %1$s %2$s\nadd rule inet %1$s %2$s %3$s\n"
        .formatted(table, chain, rule);
  }

  /** A number that marks connections judged under one policy; nobody can guess the next. */
  int nextGeneration() {
    return random.nextInt(1, Integer.MAX_VALUE);
  }

  /** Knows a slot from now on, and refuses all it asks for. */
  void addSlot(Plan.Place place, InForce state) {
    run(slot(place, state));
  }

  private String slot(Plan.Place place, InForce state) {
    return each(version -> add("slots" + version.suffix, link(version, place)))
        + addCounters(place)
        + add(place, state);
  }

  private static List<String> link(IpVersion version, Plan.Place place) {
    return List.of("\"" + place.link() + "\" . " + version.outer(place));
  }

  void removeSlot(Plan.Place place, InForce state, Collection<InetAddress> pinned) {
    run(
        each(version -> delete("slots" + version.suffix, link(version, place)))
            + deleteCounters(place)
            + unpinned(place, pinned)
            + delete(place, state));
  }

  /**
   * Puts another policy in force, for open connections too.
   *
   * @param unpinned addresses that are no longer to be reached by name
   */
  void apply(Plan.Place slot, InForce old, InForce now, Collection<InetAddress> unpinned) {
    run(delete(slot, old) + unpinned(slot, unpinned) + add(slot, now));
  }

  void pin(Plan.Place slot, Collection<InetAddress> pinned, Collection<InetAddress> unpinned) {
    String commands =
        unpinned(slot, unpinned)
            + each(version -> add("pinned" + version.suffix, pins(version, slot, pinned)));
    if (!commands.isEmpty()) {
      run(commands);
    }
  }

  private String unpinned(Plan.Place slot, Collection<InetAddress> addresses) {
    return each(version -> delete("pinned" + version.suffix, pins(version, slot, addresses)));
  }

  /** Notes what is to be put back in the end, and keeps strangers from being forwarded. */
  void noteOpened(Opened opened) {
    note(table, opened);
  }

  /**
   * Leaves it to the other daemons of this host to put back what is open, if there are any: their
   * guests need it as well.
   *
   * @return whether there are others
   */
  boolean leaveToOthers(Opened opened) {
    List<String> others =
        TABLE
            .matcher(nftables.run("list tables"))
            .results()
            .map(found -> found.group(1))
            .filter(name -> !name.equals(table))
            .toList();
    others.forEach(other -> note(other, opened));
    return !others.isEmpty();
  }

  private void note(String table, Opened opened) {
    String commands = noted(table, opened);
    if (!commands.isEmpty()) {
      run(commands);
    }
  }

  private static String noted(String table, Opened opened) {
    String strangers =
        opened.links6().contains(Forwarding6.SWITCH) ? rule(table, "strangers6", STRANGERS) : "";
    return add(table, "opened", quoted(opened.links()))
        + add(table, "opened6", quoted(opened.links6()))
        + strangers;
  }

  private static List<String> quoted(Collection<String> links) {
    return links.stream().map(link -> "\"" + link + "\"").toList();
  }

  /** Counters of one slot's refusals, by reason. */
  Map<String, Long> refusals(Plan.Place slot) {
    Map<String, Long> counts = new LinkedHashMap<>();
    for (String reason : REASONS) {
      counts.put(reason, versions.stream().mapToLong(it -> refusals(it, slot, reason)).sum());
    }
    return counts;
  }

  private long refusals(IpVersion version, Plan.Place slot, String reason) {
    String answer =
        nftables.run(
            "get element inet %s refused_%s%s { %s }"
                .formatted(table, reason, version.suffix, version.outer(slot)));
    Matcher packets = PACKETS.matcher(answer);
    return packets.find() ? Long.parseLong(packets.group(1)) : 0;
  }

  void resetCounters(Plan.Place slot) {
    run(deleteCounters(slot) + addCounters(slot));
  }

  private String addCounters(Plan.Place slot) {
    return counters((set, outer) -> add(set, List.of(outer + " counter")), slot);
  }

  private String deleteCounters(Plan.Place slot) {
    return counters((set, outer) -> delete(set, List.of(outer)), slot);
  }

  private String counters(BinaryOperator<String> command, Plan.Place slot) {
    return each(version ->
        REASONS.stream()
            .map(reason -> command.apply("refused_" + reason + version.suffix, version.outer(slot)))
            .collect(Collectors.joining()));
  }

  private String add(Plan.Place slot, InForce state) {
    return each(version -> {
      String outer = version.outer(slot);
      return add("generations" + version.suffix, List.of(outer + " : " + state.generation()))
          + add("current" + version.suffix, List.of(outer + " . " + state.generation()));
    })
        + state.elements().add(table);
  }

  private String delete(Plan.Place slot, InForce state) {
    return each(version -> {
      String outer = version.outer(slot);
      return delete("generations" + version.suffix, List.of(outer + " : " + state.generation()))
          + delete("current" + version.suffix, List.of(outer + " . " + state.generation()));
    })
        + state.elements().delete(table);
  }

  private static List<String> pins(
      IpVersion version, Plan.Place slot, Collection<InetAddress> addresses) {
    return addresses.stream()
        .filter(version::has)
        .map(address -> version.outer(slot) + " . " + Addresses.text(address))
        .toList();
  }

  private String add(String set, Collection<?> elements) {
    return add(table, set, elements);
  }

  private static String add(String table, String set, Collection<?> elements) {
    return elements.isEmpty()
        ? ""
        : "add element inet %s %s { %s }\n".formatted(table, set, list(elements));
  }

  private String delete(String set, Collection<?> elements) {
    return elements.isEmpty()
        ? ""
        : "delete element inet %s %s { %s }\n".formatted(table, set, list(elements));
  }

  private static String list(Collection<?> elements) {
    return elements.stream().map(Object::toString).collect(Collectors.joining(", "));
  }

  private void run(String commands) {
    String ignored = nftables.run(commands);
  }

  /** What the table has of one slot's policy. */
  record InForce(int generation, PolicyElements elements) {}
}
