package dev.podflare.network;

import dev.podflare.linux.Links;
import java.net.InetAddress;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import java.util.function.Supplier;

/**
 * All addresses of the host, at most a second old: they come and go with links and leases, and the
 * gate asks for each connection. The packet filter needs no list, it asks the kernel. Thread-safe.
 */
final class HostAddresses implements Supplier<Set<InetAddress>> {
  private static final Duration FRESH = Duration.ofSeconds(1);

  private final Links links;
  private final Clock clock;
  private Set<InetAddress> known = Set.of();
  private Instant asked = Instant.MIN;

  HostAddresses(Links links, Clock clock) {
    this.links = links;
    this.clock = clock;
  }

  @Override
  public synchronized Set<InetAddress> get() {
    Instant now = clock.instant();
    if (asked.isBefore(now.minus(FRESH))) {
      known = Set.copyOf(links.addresses());
      asked = now;
    }
    return known;
  }
}
