package dev.podflare.network;

import java.net.InetAddress;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * One thing that a guest asked for and did not get.
 *
 * @param protocol {@code tcp}, {@code udp}, {@code icmp} or {@code dns}
 * @param rule why, for example {@code default deny}, {@code deny 10.0.0.0/8}, {@code always
 *     denied}, {@code name does not match}, {@code cannot be checked}
 */
public record Refusal(
    Instant time,
    String protocol,
    Optional<String> name,
    Optional<InetAddress> address,
    OptionalInt port,
    String rule) {
  /** The address in its standard spelling; of IPv6 the short one. */
  public Optional<String> addressText() {
    return address.map(Addresses::text);
  }
}
