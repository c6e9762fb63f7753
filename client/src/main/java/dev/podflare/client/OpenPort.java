package dev.podflare.client;

import java.util.List;

/**
 * A port of a guest on which something listens.
 *
 * @param addresses of the guest on which it does, {@code 0.0.0.0} and {@code ::} for all
 * @param reachable whether {@link Sandbox#portUrl} leads there; not if it listens on loopback only
 */
public record OpenPort(int port, List<String> addresses, boolean reachable) {
  public OpenPort {
    addresses = List.copyOf(addresses);
  }
}
