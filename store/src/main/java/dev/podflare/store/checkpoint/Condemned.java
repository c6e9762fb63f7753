package dev.podflare.store.checkpoint;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * The names of chunks that collectors, here or elsewhere, are deleting: one object for each
 * collection, with a name a line. What is listed must not be written again under the same name; see
 * {@link GarbageCollector} for why. Thread-safe.
 */
final class Condemned {
  private static final String FOLDER = "gc/condemned/";
  private static final String FIRST_LINE = "podflare condemned 1";
  private static final String LAST_LINE = "end";
  private static final int PAGE = 1000;
  private static final int MAX_BYTES = 16 << 20;

  /**
   * The names at one time.
   *
   * @param everything a list was not understood, so any name may be in it
   * @param takenAt by {@link System#nanoTime}, before it was read
   */
  record Snapshot(Set<String> names, boolean everything, long takenAt) {
    boolean has(String name) {
      return everything || names.contains(name);
    }
  }

  private final BlobStore blobs;
  private final Duration settle;
  private @Nullable Snapshot last;

  Condemned(BlobStore blobs, Duration settle) {
    this.blobs = blobs;
    this.settle = settle;
  }

  /** Young enough for a put that begins now. */
  synchronized Snapshot current() {
    Snapshot known = last;
    if (known == null || age(known).compareTo(settle.dividedBy(4)) >= 0) {
      known = read();
      last = known;
    }
    return known;
  }

  /** Whether a put that has just ended, and obeyed the snapshot, has ended in time. */
  boolean inTime(Snapshot snapshot) {
    return age(snapshot).compareTo(settle.dividedBy(2)) < 0;
  }

  private static Duration age(Snapshot snapshot) {
    return Duration.ofNanos(System.nanoTime() - snapshot.takenAt());
  }

  private Snapshot read() {
    long takenAt = System.nanoTime();
    Set<String> names = new HashSet<>();
    boolean everything = false;
    for (BlobInfo list : lists()) {
      everything |= !readInto(names, list.name());
    }
    return new Snapshot(names, everything, takenAt);
  }

  private List<BlobInfo> lists() {
    return blobs.list(FOLDER, "", PAGE);
  }

  /** Whether the list was understood, or is gone. */
  private boolean readInto(Set<String> names, String list) {
    byte[] bytes = blobs.get(list, 0, MAX_BYTES).orElse(null);
    if (bytes == null) {
      return true;
    }
    List<String> lines = new String(bytes, StandardCharsets.US_ASCII).lines().toList();
    boolean whole =
        lines.size() >= 2
            && lines.getFirst().equals(FIRST_LINE)
            && lines.getLast().equals(LAST_LINE);
    names.addAll(lines);
    return whole;
  }

  /** Gives the name of the list. */
  String publish(Collection<String> names) {
    String list = FOLDER + UUID.randomUUID();
    String text =
        FIRST_LINE + "\n" + String.join("\n", new TreeSet<>(names)) + "\n" + LAST_LINE + "\n";
    blobs.put(list, text.getBytes(StandardCharsets.US_ASCII));
    return list;
  }

  void withdraw(String list) {
    blobs.delete(list);
  }

  /** Removes the lists of collectors that died so long ago that no call of theirs can be alive. */
  void forgetBefore(Instant time) {
    for (BlobInfo list : lists()) {
      if (list.lastModified().isBefore(time)) {
        blobs.delete(list.name());
      }
    }
  }
}
