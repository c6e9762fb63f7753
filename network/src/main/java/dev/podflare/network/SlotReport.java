package dev.podflare.network;

import java.util.List;
import java.util.Map;

/**
 * What one user of a slot has moved and was refused, since it was last scrubbed.
 *
 * @param bytesUp from the guest, as far as the slot's limits let it pass; with IP headers
 * @param bytesDown to the guest
 * @param refused packets by reason: {@code policy}, {@code always} (always-denied addresses),
 *     {@code unchecked} (under a domain rule, and cannot be checked), {@code name} (by resolver or
 *     gate), {@code spoofed}, {@code ipv6} (where guests have none, and talk on the link), {@code
 *     limited} and {@code limited_download} (too fast), {@code limited_connections}
 * @param last the last refusals, at most 100, oldest first; of a flood only some are kept
 */
public record SlotReport(
    long packetsUp,
    long bytesUp,
    long packetsDown,
    long bytesDown,
    Map<String, Long> refused,
    List<Refusal> last) {
  public SlotReport {
    refused = Map.copyOf(refused);
    last = List.copyOf(last);
  }
}
