package dev.podflare.network;

import dev.podflare.linux.Links;
import java.time.Duration;
import java.util.Set;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the blocks of the host's neighbours closed as they come and go with router advertisements:
 * the packet filter has them as a set, and gate and resolver ask here. Looks every few seconds, on
 * a thread of its own. Thread-safe.
 */
final class NeighbourWatch implements Supplier<Set<Cidr>>, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(NeighbourWatch.class);
  private static final Duration PAUSE = Duration.ofSeconds(5);
  private static final Duration END = Duration.ofSeconds(5);

  private final Links links;
  private final HostFilter filter;
  private final Thread thread =
      Thread.ofPlatform().name("network-neighbours").daemon().unstarted(this::watch);
  private volatile Set<Cidr> known;
  private volatile boolean closed;

  NeighbourWatch(Links links, HostFilter filter) {
    this.links = links;
    this.filter = filter;
    this.known = filter.ipv6() ? HostIpv6.neighbours(links) : Set.of();
  }

  /** Where guests have no IPv6 there is nothing to watch. */
  void start() {
    if (filter.ipv6()) {
      thread.start();
    }
  }

  @Override
  public Set<Cidr> get() {
    return known;
  }

  private void watch() {
    while (!closed) {
      try {
        Thread.sleep(PAUSE);
        look();
      } catch (InterruptedException e) {
        return;
      } catch (RuntimeException e) {
        LOG.warn("the host's neighbours could not be looked up", e);
      }
    }
  }

  private void look() {
    Set<Cidr> now = HostIpv6.neighbours(links);
    if (!closed && !now.equals(known)) {
      filter.closeNeighbours(now);
      known = now;
    }
  }

  @Override
  public void close() {
    closed = true;
    if (!filter.ipv6()) {
      return;
    }
    thread.interrupt();
    try {
      thread.join(END);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
