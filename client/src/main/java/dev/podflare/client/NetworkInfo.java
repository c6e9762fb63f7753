package dev.podflare.client;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A sandbox's network.
 *
 * @param fallback {@code allow} or {@code deny}
 * @param networked false where the server gives guests no network; then there are no figures
 * @param bytesSent by the guest, with IP headers
 * @param refused packets by reason
 * @param lastRefused at most 100, newest first
 */
public record NetworkInfo(
    @JsonProperty("default") String fallback,
    List<String> allow,
    List<String> deny,
    String dns,
    boolean networked,
    Optional<Long> bytesSent,
    Optional<Long> bytesReceived,
    Optional<Long> packetsSent,
    Optional<Long> packetsReceived,
    Optional<Map<String, Long>> refused,
    Optional<List<Refused>> lastRefused) {

  /**
   * Something that was refused.
   *
   * @param protocol {@code tcp}, {@code udp}, {@code icmp} or {@code dns}
   * @param rule why, in words
   */
  public record Refused(
      Instant time,
      String protocol,
      Optional<String> name,
      Optional<String> address,
      Optional<Integer> port,
      String rule) {}
}
