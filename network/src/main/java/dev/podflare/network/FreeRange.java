package dev.podflare.network;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.linux.Links;
import dev.podflare.linux.NamespaceThread;
import java.nio.file.Path;
import java.util.Optional;

/** Chooses a range for the slots where the operator has not named one. Stateless. */
public final class FreeRange {
  private static final int FIRST = 213;
  private static final int LAST = 244;

  private FreeRange() {}

  /**
   * The first of 10.213.0.0/16 to 10.244.0.0/16 that no route of the host overlaps, for example of
   * another daemon. Whoever takes it a little later may find it taken.
   *
   * @param namespace the host's; empty: the daemon's own
   * @throws PodflareException {@code host_not_ready} if all are taken
   */
  public static Cidr find(Optional<Path> namespace) {
    try (NamespaceThread host = NamespaceThread.open("network-range", namespace)) {
      return host.call(FreeRange::firstFree);
    }
  }

  private static Cidr firstFree() {
    try (Links links = Links.open()) {
      for (int second = FIRST; second <= LAST; second++) {
        Cidr range = Cidr.parse("10." + second + ".0.0/16");
        if (HostSetup.overlapping(range, links).isEmpty()) {
          return range;
        }
      }
    }
    throw new PodflareException(
        ErrorCode.HOST_NOT_READY,
        "no block from 10.213.0.0/16 to 10.244.0.0/16 is free on this host; name a range for the"
            + " network in the daemon's configuration");
  }
}
