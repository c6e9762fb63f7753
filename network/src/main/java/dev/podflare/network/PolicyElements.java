package dev.podflare.network;

import dev.podflare.network.EgressPolicy.Default;
import java.net.Inet4Address;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A policy as the packet filter has it: for each of its steps' maps the keys and what they lead to.
 * IPv6 entries are left out, since guests have no IPv6. Immutable.
 *
 * @param maps name of the map to its elements, {@code key : verdict}
 */
record PolicyElements(Map<String, List<Element>> maps) {
  /** Most steps that a policy has. */
  static final int STEPS = 5;

  private static final int ALLOW = 1;
  private static final int REFUSE = 2;
  private static final int BY_NAME = 3;
  private static final int BY_NAME_PINNED = 4;

  /** One element of a map. */
  record Element(String key, int verdict) {}

  static PolicyElements of(Inet4Address slot, EgressPolicy policy) {
    Map<String, List<Element>> maps = new TreeMap<>();
    List<AddressStep> steps = policy.steps();
    for (int index = 0; index < steps.size(); index++) {
      // Under default deny, the step before the last opens everything to names, but only at
      // addresses that were told for one of them: what was not told can be refused at once.
      boolean told = policy.fallback() == Default.DENY && index == steps.size() - 2;
      int verdict = verdict(steps.get(index).verdict(), told);
      for (Destination.Network network : widest(steps.get(index).networks())) {
        String map = (network.port().isPresent() ? "port_" : "network_") + (index + 1);
        maps.computeIfAbsent(map, any -> new ArrayList<>())
            .add(new Element(key(slot, network), verdict));
      }
    }
    return new PolicyElements(maps);
  }

  private static int verdict(Verdict verdict, boolean told) {
    return switch (verdict) {
      case ALLOW -> ALLOW;
      case REFUSE -> REFUSE;
      case BY_NAME -> told ? BY_NAME_PINNED : BY_NAME;
    };
  }

  /** Without entries that lie within others of the same step: intervals must not overlap. */
  private static List<Destination.Network> widest(List<Destination.Network> networks) {
    List<Destination.Network> kept = new ArrayList<>();
    networks.stream()
        .filter(network -> network.cidr().v4())
        .sorted(Comparator.comparingInt(network -> network.cidr().prefix()))
        .forEach(network -> {
          if (kept.stream().noneMatch(wider -> covers(wider, network))) {
            kept.add(network);
          }
        });
    return kept;
  }

  private static boolean covers(Destination.Network wider, Destination.Network network) {
    return (wider.port().isEmpty() || wider.port().equals(network.port()))
        && wider.cidr().contains(network.cidr().network());
  }

  private static String key(Inet4Address slot, Destination.Network network) {
    String key = Addresses.text(slot) + " . " + network.cidr();
    return network.port().isPresent() ? key + " . " + network.port().getAsInt() : key;
  }

  /** Commands that add all to the table. */
  String add(String table) {
    StringBuilder commands = new StringBuilder();
    maps.forEach((map, elements) ->
        commands
            .append("add element inet ")
            .append(table + " " + map + " { ")
            .append(
                String.join(
                    ", ", elements.stream().map(it -> it.key() + " : " + it.verdict()).toList()))
            .append(" }\n"));
    return commands.toString();
  }

  /** Commands that take all from the table. */
  String delete(String table) {
    return add(table).replace("add element", "delete element");
  }
}
