package dev.podflare.network;

import dev.podflare.linux.Nftables;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The tables in a slot's own namespace, {@code slot.nft} in the resources. Its methods run on a
 * thread in that namespace. Stateless.
 */
final class SlotFilter {
  private static final Pattern COUNTER =
      Pattern.compile("counter (\\w+) \\{\\s*packets (\\d+) bytes (\\d+)");

  /** A rate measured in bytes must let the largest packet and a round trip's worth pass. */
  private static final long LEAST_BURST = 262_144;

  private final Template rules;

  /** Guests have IPv6: addresses are checked as those of IPv4 are. */
  private static final String WITH_IPV6 =
      """
          ip6 saddr %s accept
      """
          .formatted(Plan.GUEST6);

  /** They have none: the tap itself refuses, so that no part of the slot has to know IPv6. */
  private static final String WITHOUT_IPV6 =
      """
          ether type ip6 meta l4proto tcp counter name "ipv6" reject with tcp reset
          ether type ip6 counter name "ipv6" reject with icmpv6 type admin-prohibited
      """;

  /**
   * @param ipv6 whether what the guest sends with IPv6 goes on to the host
   */
  SlotFilter(Plan plan, SlotLimits limits, boolean ipv6) {
    rules =
        Template.read("slot.nft")
            .with("TAP", Plan.TAP)
            .with("UPLINK", Plan.UPLINK)
            .with("GUEST_MAC", Plan.GUEST_MAC)
            .with("GUEST", Plan.GUEST)
            .with("IPV6", (ipv6 ? WITH_IPV6 : WITHOUT_IPV6).stripTrailing())
            .with("GATEWAY", Plan.GATEWAY)
            .with("GATE", Addresses.text(plan.gate()))
            .with("VOLUMES", Services.GUEST_VOLUME_PORT)
            .with("PACKETS", limits.packetsPerSecond())
            .with("PACKET_BURST", Math.max(10, limits.packetsPerSecond() / 5))
            .with("UPLOAD", limits.uploadBytesPerSecond())
            .with("UPLOAD_BURST", burst(limits.uploadBytesPerSecond()))
            .with("DOWNLOAD", limits.downloadBytesPerSecond())
            .with("DOWNLOAD_BURST", burst(limits.downloadBytesPerSecond()))
            .with("CONNECTIONS", limits.connections())
            .with("NEW_CONNECTIONS", limits.newConnectionsPerSecond())
            .with("NEW_BURST", 2 * limits.newConnectionsPerSecond());
  }

  private static long burst(long bytesPerSecond) {
    return Math.max(LEAST_BURST, bytesPerSecond / 5);
  }

  /** Makes the tables anew, all counters at zero. */
  void load(Plan.Place place) {
    try (Nftables nftables = Nftables.open()) {
      String ignored =
          nftables.run(
              "flush ruleset\n"
                  + rules
                      .with("OUTER", Addresses.text(place.outer()))
                      .with("OUTER6", Addresses.text(place.outer6()))
                      .text());
    }
  }

  /** What a counter has seen. */
  record Count(long packets, long bytes) {
    private static final Count NONE = new Count(0, 0);
  }

  /** All counters by name. */
  static Map<String, Count> counters() {
    try (Nftables nftables = Nftables.open()) {
      Map<String, Count> counts = new HashMap<>();
      Matcher counter = COUNTER.matcher(nftables.run("list counters"));
      while (counter.find()) {
        counts.put(
            counter.group(1),
            new Count(Long.parseLong(counter.group(2)), Long.parseLong(counter.group(3))));
      }
      return counts;
    }
  }

  static Count count(Map<String, Count> counters, String name) {
    return counters.getOrDefault(name, Count.NONE);
  }
}
