package dev.podflare.network;

import dev.podflare.network.EgressPolicy.Default;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A policy as the packet filter has it: for each of its steps' maps the keys and what they lead to.
 * Immutable.
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

  /**
   * @param ipv6 whether the table knows IPv6; if not, such entries are left out
   */
  static PolicyElements of(Plan.Place slot, GuestAccess access, boolean ipv6) {
    Map<String, List<Element>> maps = new TreeMap<>();
    List<AddressStep> steps = access.steps();
    for (int index = 0; index < steps.size(); index++) {
      // Under default deny, the step before the last opens everything to names, but only at
      // addresses that were told for one of them: what was not told can be refused at once.
      boolean told = access.policy().fallback() == Default.DENY && index == steps.size() - 2;
      int verdict = verdict(steps.get(index).verdict(), told);
      for (Destination.Network network : widest(steps.get(index).networks())) {
        boolean v4 = network.cidr().v4();
        if (!v4 && !ipv6) {
          continue;
        }
        String map = kind(network) + (v4 ? "_" : "6_") + (index + 1);
        maps.computeIfAbsent(map, any -> new ArrayList<>())
            .add(new Element(key(slot, network), verdict));
      }
    }
    return new PolicyElements(maps);
  }

  /** What holds for every address is not put among intervals, which are slow to change. */
  private static String kind(Destination.Network network) {
    return network.port().isPresent() ? "port" : every(network) ? "every" : "network";
  }

  private static boolean every(Destination.Network network) {
    return network.cidr().prefix() == 0 && network.port().isEmpty();
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

  private static String key(Plan.Place slot, Destination.Network network) {
    InetAddress outer = network.cidr().v4() ? slot.outer() : slot.outer6();
    if (every(network)) {
      return Addresses.text(outer);
    }
    String key = Addresses.text(outer) + " . " + network.cidr();
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
