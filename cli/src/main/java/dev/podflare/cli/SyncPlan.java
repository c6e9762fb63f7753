package dev.podflare.cli;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * What makes one folder the same as another. Immutable.
 *
 * @param removed what has to go first, with all that is in it
 * @param copied what has to be copied, folders before what is in them
 * @param same how many are the same already
 */
record SyncPlan(List<String> removed, SortedMap<String, SyncEntry> copied, int same) {

  /** {@code deleting}: whether what the source has not is removed. */
  static SyncPlan of(SyncTree from, SyncTree to, boolean deleting) {
    SortedMap<String, SyncEntry> copied = new TreeMap<>();
    from.entries()
        .forEach((name, entry) -> {
          SyncEntry there = to.entries().get(name);
          if (there == null || !there.same(entry)) {
            copied.put(name, entry);
          }
        });
    return new SyncPlan(removed(from, to, deleting), copied, from.entries().size() - copied.size());
  }

  private static List<String> removed(SyncTree from, SyncTree to, boolean deleting) {
    // What the source has and does not give away is there, in a way.
    Set<String> skipped = Set.copyOf(from.skipped());
    Set<String> needed = new HashSet<>();
    Stream.concat(to.left().stream(), to.skipped().stream())
        .forEach(it -> needed.addAll(above(it)));
    List<String> removed = new ArrayList<>();
    Set<String> gone = new HashSet<>();
    for (Map.Entry<String, SyncEntry> each : to.entries().entrySet()) {
      String name = each.getKey();
      SyncEntry wanted = from.entries().get(name);
      boolean inTheWay = wanted != null && wanted.kind() != each.getValue().kind();
      boolean left = wanted == null && deleting && !skipped.contains(name);
      if (inTheWay && needed.contains(name)) {
        throw GuestPath.wrong("'" + name + "' is in the way, and holds what is not to be touched");
      }
      boolean removable = inTheWay || (left && !needed.contains(name));
      if (removable && above(name).stream().noneMatch(gone::contains)) {
        removed.add(name);
        gone.add(name);
      }
    }
    return removed;
  }

  /** The folders above a path. */
  private static List<String> above(String name) {
    List<String> all = new ArrayList<>();
    for (int slash = name.indexOf('/'); slash >= 0; slash = name.indexOf('/', slash + 1)) {
      all.add(name.substring(0, slash));
    }
    return all;
  }

  /** Bytes of the files that are copied. */
  long bytes() {
    return copied.values().stream().mapToLong(SyncEntry::size).sum();
  }
}
