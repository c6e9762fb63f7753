package dev.podflare.network;

import java.net.Inet4Address;
import java.util.HashMap;
import java.util.Map;

/**
 * How many connections have their TLS ended by the gate at once: each takes some hundred kilobytes
 * of the daemon's memory, so they are fewer than those that are relayed. Thread-safe.
 */
final class SecretPlaces {
  private static final int MOST_PER_SLOT = 64;
  private static final int MOST = 512;

  /** From then on there are few for each, so that some guests cannot keep the others out. */
  private static final int CROWDED = 384;

  private static final int FEW = 8;

  private final Map<Inet4Address, Integer> taken = new HashMap<>();
  private int all;

  /** False if there is none; else {@link #leave} is to follow. */
  synchronized boolean enter(Inet4Address slot) {
    int own = taken.getOrDefault(slot, 0);
    if (own >= (all < CROWDED ? MOST_PER_SLOT : FEW) || all >= MOST) {
      return false;
    }
    taken.put(slot, own + 1);
    all++;
    return true;
  }

  synchronized void leave(Inet4Address slot) {
    all--;
    taken.computeIfPresent(slot, (any, own) -> own == 1 ? null : own - 1);
  }
}
