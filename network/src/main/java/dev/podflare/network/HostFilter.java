package dev.podflare.network;

import dev.podflare.linux.Nftables;
import java.net.Inet4Address;
import java.security.SecureRandom;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The daemon's table in the host's namespace, {@code host.nft} in the resources. Each method is one
 * transaction. Thread-safe.
 */
final class HostFilter {
  /** Why packets were refused: the end of a set's name, and the prefix in the log. */
  static final List<String> REASONS = List.of("policy", "always", "unchecked");

  private static final Pattern PACKETS = Pattern.compile("counter packets (\\d+)");

  private final Nftables nftables;
  private final Plan plan;
  private final String table;
  private final SecureRandom random = new SecureRandom();

  HostFilter(Nftables nftables, Plan plan) {
    this.nftables = nftables;
    this.plan = plan;
    this.table = plan.table();
  }

  /**
   * Makes the table anew; an old one goes in the same transaction.
   *
   * @param kept slots that are known from the first moment on
   * @param opened links that an earlier daemon has opened, see {@link #noteOpened}
   */
  void create(
      List<Cidr> exceptions,
      int group,
      long uid,
      Map<Plan.Place, InForce> kept,
      List<String> opened) {
    Template rules =
        Template.read("host.nft")
            .with("TABLE", table)
            .with("LINKS", plan.links())
            .with("GATE", Addresses.text(plan.gate()))
            .with("RANGE", plan.range())
            .with("VOLUMES", Services.GUEST_VOLUME_PORT)
            .with("GROUP", group)
            .with("UID", uid)
            .with("STEP_MAPS", maps())
            .with("STEP_RULES", rules())
            .with("ALWAYS_DENIED", list(v4(DeniedRanges.fixed())));
    run(
        drop()
            + rules.text()
            + add("exceptions", v4(exceptions))
            + add("single_exceptions", single(exceptions))
            + noted(opened)
            + kept.entrySet().stream()
                .map(slot -> slot(slot.getKey(), slot.getValue()))
                .collect(Collectors.joining()));
  }

  private static List<Cidr> v4(List<Cidr> blocks) {
    return blocks.stream().filter(Cidr::v4).toList();
  }

  private static List<Cidr> single(List<Cidr> blocks) {
    return v4(blocks).stream().filter(Cidr::single).toList();
  }

  private static String maps() {
    return IntStream.rangeClosed(1, PolicyElements.STEPS)
        .mapToObj(step ->
            "  map network_%d { type ipv4_addr . ipv4_addr : mark; flags interval; }\n"
                    .formatted(step)
                + "  map port_%d { type ipv4_addr . ipv4_addr . inet_service : mark; flags interval; }"
                    .formatted(step))
        .collect(Collectors.joining("\n"));
  }

  private static String rules() {
    String ends = "ct original ip saddr . ct original ip daddr";
    return IntStream.rangeClosed(1, PolicyElements.STEPS)
        .mapToObj(step ->
            "    meta mark set %s map @network_%d return\n".formatted(ends, step)
                + "    meta l4proto { tcp, udp } meta mark set %s . ct original proto-dst map @port_%d return"
                    .formatted(ends, step))
        .collect(Collectors.joining("\n"));
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
            + rule("to_resolver", resolver)
            + volumes(gate, services.volumePort()));
  }

  private String volumes(String gate, int port) {
    return port == 0
        ? "flush chain inet %1$s volumes\nflush chain inet %1$s to_volumes\n".formatted(table)
        : rule("volumes", "meta l4proto tcp dnat ip to " + gate + ":" + port)
            + rule("to_volumes", "meta l4proto tcp th dport " + port + " accept");
  }

  private String rule(String chain, String rule) {
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
    return add("slots", List.of("\"" + place.link() + "\" . " + text(place)))
        + addCounters(place.outer())
        + add(place.outer(), state);
  }

  void removeSlot(Plan.Place place, InForce state, Collection<Inet4Address> pinned) {
    run(
        delete("slots", List.of("\"" + place.link() + "\" . " + text(place)))
            + deleteCounters(place.outer())
            + delete("pinned", pins(place.outer(), pinned))
            + delete(place.outer(), state));
  }

  /**
   * Puts another policy in force, for open connections too.
   *
   * @param unpinned addresses that are no longer to be reached by name
   */
  void apply(Inet4Address slot, InForce old, InForce now, Collection<Inet4Address> unpinned) {
    run(delete(slot, old) + delete("pinned", pins(slot, unpinned)) + add(slot, now));
  }

  void pin(Inet4Address slot, Collection<Inet4Address> pinned, Collection<Inet4Address> unpinned) {
    String commands = delete("pinned", pins(slot, unpinned)) + add("pinned", pins(slot, pinned));
    if (!commands.isEmpty()) {
      run(commands);
    }
  }

  /** Links on which forwarding was turned on for us, as an earlier daemon noted them. */
  void noteOpened(Collection<String> links) {
    run(noted(links));
  }

  private String noted(Collection<String> links) {
    return add("opened", links.stream().map(link -> "\"" + link + "\"").toList());
  }

  /** Counters of one slot's refusals, by reason. */
  Map<String, Long> refusals(Inet4Address slot) {
    Map<String, Long> counts = new LinkedHashMap<>();
    for (String reason : REASONS) {
      String answer =
          nftables.run(
              "get element inet %s refused_%s { %s }"
                  .formatted(table, reason, Addresses.text(slot)));
      Matcher packets = PACKETS.matcher(answer);
      counts.put(reason, packets.find() ? Long.parseLong(packets.group(1)) : 0);
    }
    return counts;
  }

  void resetCounters(Inet4Address slot) {
    run(deleteCounters(slot) + addCounters(slot));
  }

  private String addCounters(Inet4Address slot) {
    return REASONS.stream()
        .map(reason -> add("refused_" + reason, List.of(Addresses.text(slot) + " counter")))
        .collect(Collectors.joining());
  }

  private String deleteCounters(Inet4Address slot) {
    return REASONS.stream()
        .map(reason -> delete("refused_" + reason, List.of(Addresses.text(slot))))
        .collect(Collectors.joining());
  }

  private String add(Inet4Address slot, InForce state) {
    String address = Addresses.text(slot);
    return add("generations", List.of(address + " : " + state.generation()))
        + add("current", List.of(address + " . " + state.generation()))
        + state.elements().add(table);
  }

  private String delete(Inet4Address slot, InForce state) {
    String address = Addresses.text(slot);
    return delete("generations", List.of(address + " : " + state.generation()))
        + delete("current", List.of(address + " . " + state.generation()))
        + state.elements().delete(table);
  }

  private static List<String> pins(Inet4Address slot, Collection<Inet4Address> addresses) {
    return addresses.stream()
        .map(address -> Addresses.text(slot) + " . " + Addresses.text(address))
        .toList();
  }

  private String add(String set, Collection<?> elements) {
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

  private static String text(Plan.Place place) {
    return Addresses.text(place.outer());
  }

  private void run(String commands) {
    String ignored = nftables.run(commands);
  }

  /** What the table has of one slot's policy. */
  record InForce(int generation, PolicyElements elements) {}
}
