package dev.podflare.engine;

import java.util.List;

/**
 * Something listens on a port of a guest.
 *
 * @param addresses of the guest on which it does, {@code 0.0.0.0} and {@code ::} for all
 * @param reachable whether connections from outside come there; not if it listens on loopback only
 */
public record PortFound(int port, List<String> addresses, boolean reachable) {
  static PortFound of(int port, List<String> addresses) {
    return new PortFound(
        port, List.copyOf(addresses), addresses.stream().anyMatch(it -> !loopback(it)));
  }

  private static boolean loopback(String address) {
    return address.startsWith("127.") || address.equals("::1") || address.startsWith("fe80:");
  }
}
