package dev.podflare.network;

import java.net.InetAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Which addresses one slot was told for which names, and until when. The packet filter knows the
 * addresses alone; what has expired is taken out of it with the next change, and refused by the
 * gate meanwhile. One at a time: {@link SlotState} guards it.
 */
final class Pins {
  /** Most pairs of name and address; for more, those that would expire first give way. */
  static final int MOST = 2048;

  private final Map<Pin, Instant> until = new HashMap<>();
  private final Set<InetAddress> inFilter = new HashSet<>();

  private record Pin(String name, InetAddress address) {}

  /** What is to change in the packet filter. */
  record Change(List<InetAddress> added, List<InetAddress> removed) {}

  void add(String name, Collection<InetAddress> addresses, Instant now, Duration time) {
    until.values().removeIf(end -> end.isBefore(now));
    for (InetAddress address : addresses) {
      until.merge(new Pin(name, address), now.plus(time), Pins::later);
    }
    until.keySet().stream()
        .sorted(Comparator.comparing(until::get))
        .limit(Math.max(0, until.size() - MOST))
        .toList()
        .forEach(until::remove);
  }

  private static Instant later(Instant one, Instant other) {
    return one.isAfter(other) ? one : other;
  }

  boolean holds(String name, InetAddress address, Instant now) {
    Instant end = until.get(new Pin(name, address));
    return end != null && !end.isBefore(now);
  }

  void removeNames(Predicate<String> gone) {
    until.keySet().removeIf(pin -> gone.test(pin.name()));
  }

  /** The difference to what the packet filter has; for {@link #applied} when it was made. */
  Change change() {
    Set<InetAddress> wanted = new HashSet<>();
    until.keySet().forEach(pin -> wanted.add(pin.address()));
    List<InetAddress> added = new ArrayList<>(wanted);
    added.removeAll(inFilter);
    List<InetAddress> removed = new ArrayList<>(inFilter);
    removed.removeAll(wanted);
    return new Change(added, removed);
  }

  void applied(Change change) {
    inFilter.addAll(change.added());
    change.removed().forEach(inFilter::remove);
  }

  Set<InetAddress> inFilter() {
    return Set.copyOf(inFilter);
  }
}
