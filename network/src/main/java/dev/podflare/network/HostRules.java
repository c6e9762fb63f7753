package dev.podflare.network;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The rules of the daemon's table as text: {@code host.nft} in the resources, and in it {@code
 * host-family.nft} once for each version of IP that guests have. Stateless.
 */
final class HostRules {
  private static final String NEIGHBOURS =
      "  set neighbours6 { type ipv6_addr; flags interval; auto-merge; }";
  private static final String CLOSED_HERE =
      """
          ct original ip6 daddr %s goto refuse_always6
          ct original ip6 daddr @neighbours6 ct original ip6 daddr != @exceptions6 goto refuse_always6
      """
          .formatted(ClosedIpv6.ISATAP)
          .stripTrailing();

  private HostRules() {}

  /** The table without anything of slots. */
  static String text(Plan plan, HostFilter.Log log, boolean ipv6) {
    return Template.read("host.nft")
        .with("FAMILIES", families(plan, ipv6))
        .with("TABLE", plan.table())
        .with("LINKS", plan.links())
        .with("GATE", Addresses.text(plan.gate()))
        .with("VOLUMES", Services.GUEST_VOLUME_PORT)
        .with("GROUP", log.group())
        .with("UID", log.uid())
        .text();
  }

  private static String families(Plan plan, boolean ipv6) {
    return family(plan, IpVersion.V4)
        + (ipv6 ? family(plan, IpVersion.V6) : Template.read("host-none.nft").text());
  }

  private static String family(Plan plan, IpVersion version) {
    List<Cidr> denied = new ArrayList<>(version.blocks(DeniedRanges.fixed()));
    denied.addAll(version.blocks(ClosedIpv6.fixed()));
    return Template.read("host-family.nft")
        .with("STEP_MAPS", maps(version))
        .with("STEP_RULES", rules(version))
        .with("NEIGHBOURS", version == IpVersion.V4 ? "" : NEIGHBOURS)
        .with("CLOSED_HERE", version == IpVersion.V4 ? "" : CLOSED_HERE)
        .with("ALWAYS_DENIED", String.join(", ", denied.stream().map(Cidr::toString).toList()))
        .with("GATE", version.gate(plan))
        .with("RANGE", version.range(plan))
        .with("6", version.suffix)
        .with("IP", version.header)
        .with("ADDRESS", version.address)
        .with("ICMP", version.icmp)
        .text();
  }

  private static String maps(IpVersion version) {
    String ends = version.address + " . " + version.address;
    return IntStream.rangeClosed(1, PolicyElements.STEPS)
        .mapToObj(step ->
            "  map network%s_%d { type %s : mark; flags interval; }\n"
                    .formatted(version.suffix, step, ends)
                + "  map port%s_%d { type %s . inet_service : mark; flags interval; }\n"
                    .formatted(version.suffix, step, ends)
                + "  map every%s_%d { type %s : mark; }"
                    .formatted(version.suffix, step, version.address))
        .collect(Collectors.joining("\n"));
  }

  private static String rules(IpVersion version) {
    String ends = "ct original %1$s saddr . ct original %1$s daddr".formatted(version.header);
    return IntStream.rangeClosed(1, PolicyElements.STEPS)
        .mapToObj(step ->
            "    meta mark set %s map @network%s_%d return\n".formatted(ends, version.suffix, step)
                + "    meta l4proto { tcp, udp } meta mark set %s . ct original proto-dst map @port%s_%d return\n"
                    .formatted(ends, version.suffix, step)
                + "    meta mark set ct original %s saddr map @every%s_%d return"
                    .formatted(version.header, version.suffix, step))
        .collect(Collectors.joining("\n"));
  }
}
