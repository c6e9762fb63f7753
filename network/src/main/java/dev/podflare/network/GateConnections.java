package dev.podflare.network;

import java.net.Inet4Address;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Open connections by slot, within limits. Thread-safe. */
final class GateConnections {
  private final int mostPerSlot;
  private final int most;
  private final Map<Inet4Address, Set<GateConnection>> slots = new HashMap<>();
  private int count;
  private boolean closed;

  GateConnections(int mostPerSlot, int most) {
    this.mostPerSlot = mostPerSlot;
    this.most = most;
  }

  /** False if a limit is reached, or if closed. */
  synchronized boolean add(Inet4Address slot, GateConnection connection) {
    Set<GateConnection> own = slots.computeIfAbsent(slot, it -> new HashSet<>());
    if (closed || count >= most || own.size() >= mostPerSlot) {
      return false;
    }
    own.add(connection);
    count++;
    return true;
  }

  synchronized void remove(Inet4Address slot, GateConnection connection) {
    Set<GateConnection> own = slots.getOrDefault(slot, Set.of());
    if (own.remove(connection)) {
      count--;
    }
    if (own.isEmpty()) {
      slots.remove(slot);
    }
  }

  synchronized List<GateConnection> of(Inet4Address slot) {
    return List.copyOf(slots.getOrDefault(slot, Set.of()));
  }

  /** Takes no more, and returns what is open. */
  synchronized List<GateConnection> close() {
    closed = true;
    List<GateConnection> all = new ArrayList<>();
    slots.values().forEach(all::addAll);
    return all;
  }
}
