package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.FileDiff.FileChange;
import dev.podflare.guest.FileEntry;
import dev.podflare.guest.FileScan;
import dev.podflare.guest.FileScan.Content;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Compares files of two sandboxes. Relatives share most of their disk: a file that has the same
 * inode, size and times on both sides, and was not changed about the time that they parted, is the
 * same and is not read. Thread-safe.
 */
final class Diffs {
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final int MOST_PATHS = 32;
  private static final int LONGEST_TEXT = 256 << 10;

  /** Texts of all files together; what comes later in the order of paths has no patch. */
  private static final long ALL_TEXTS = 8L << 20;

  /**
   * A guest's clock stands still while it is frozen, so a change just before and one just after may
   * have the same time. It may also be late by as much as a fork takes.
   */
  private static final Duration PARTING = Duration.ofSeconds(10);

  /** Lists of files take memory: that many at the same time. */
  private static final int AT_ONCE = 2;

  private final Sandboxes sandboxes;
  private final Pauses pauses;
  private final SideBySide sides = new SideBySide(2 * AT_ONCE);
  private final Semaphore turns = new Semaphore(AT_ONCE, true);

  Diffs(Sandboxes sandboxes, Pauses pauses) {
    this.sandboxes = sandboxes;
    this.pauses = pauses;
  }

  FileDiff diff(Caller caller, String firstId, String secondId, DiffRequest request) {
    check(request);
    awaitTurn();
    boolean inOrder = firstId.compareTo(secondId) <= 0; // so that two never wait for each other
    try (Pauses.Lease lower = pauses.lease(caller, inOrder ? firstId : secondId);
        Pauses.Lease upper = pauses.lease(caller, inOrder ? secondId : firstId)) {
      Sandbox first = (inOrder ? lower : upper).sandbox();
      Sandbox second = (inOrder ? upper : lower).sandbox();
      return diff(first, second, request);
    } finally {
      turns.release();
    }
  }

  private FileDiff diff(Sandbox first, Sandbox second, DiffRequest request) {
    Instant parted = sandboxes.parted(first.record(), second.record()).minus(PARTING);
    try (FileScan before = scan(first, request);
        FileScan after = scan(second, request)) {
      return compare(List.of(before, after), nanos(parted), request.content());
    } finally {
      first.touch();
      second.touch();
    }
  }

  private void awaitTurn() {
    try {
      if (!turns.tryAcquire(PATIENCE.toNanos(), TimeUnit.NANOSECONDS)) {
        throw new PodflareException(
            ErrorCode.HOST_FULL, "other comparisons of files are still under way");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "interrupted", e);
    }
  }

  private static long nanos(Instant time) {
    return time.getEpochSecond() <= 0 ? 0 : time.getEpochSecond() * 1_000_000_000L;
  }

  private static void check(DiffRequest request) {
    List<String> paths = request.paths();
    boolean sound =
        paths.stream()
            .allMatch(path -> path.startsWith("/") && path.indexOf(0) < 0 && path.length() < 4096);
    if (paths.isEmpty() || paths.size() > MOST_PATHS || !sound) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD,
          "'path' must be 1 to " + MOST_PATHS + " absolute paths",
          Map.of("field", "path", "max", MOST_PATHS));
    }
  }

  private static FileScan scan(Sandbox sandbox, DiffRequest request) {
    sandbox.touch();
    sandbox.guest().wake();
    return FileScan.start(sandbox.guest().channel(), request.paths(), PATIENCE);
  }

  /** A pair of which at least one side is there. */
  private record Pair(@Nullable FileEntry before, @Nullable FileEntry after) {}

  /** {@code scans}: of the first and of the second. */
  private FileDiff compare(List<FileScan> scans, long parted, boolean content) {
    List<Map<String, FileEntry>> lists = sides.all(2, i -> scans.get(i).list(), _ -> {});
    List<Pair> pairs = candidates(lists.getFirst(), lists.getLast(), parted);
    int limit = content ? LONGEST_TEXT : 0;
    List<List<Integer>> wanted =
        List.of(
            files(pairs.stream().map(Pair::before).toList()),
            files(pairs.stream().map(Pair::after).toList()));
    List<Map<Integer, Content>> contents =
        sides.all(2, i -> scans.get(i).look(wanted.get(i), limit), _ -> {});
    Map<Integer, Content> before = contents.getFirst();
    Map<Integer, Content> after = contents.getLast();
    List<FileChange> added = new ArrayList<>();
    List<FileChange> removed = new ArrayList<>();
    List<FileChange> modified = new ArrayList<>();
    Texts texts = new Texts(content);
    for (Pair pair : pairs) {
      FileEntry old = pair.before();
      FileEntry now = pair.after();
      if (now == null && old != null) {
        removed.add(change(old, before, Optional.empty()));
      } else if (now != null && old == null) {
        Optional<String> patch = texts.patch(now.path(), "", text(now, after));
        added.add(change(now, after, patch));
      } else if (now != null && old != null && differ(old, now, before, after)) {
        Optional<String> patch =
            text(old, before).flatMap(text -> texts.patch(now.path(), text, text(now, after)));
        modified.add(change(now, after, patch));
      }
    }
    return new FileDiff(added, removed, modified);
  }

  private static List<Pair> candidates(
      Map<String, FileEntry> before, Map<String, FileEntry> after, long parted) {
    List<Pair> pairs = new ArrayList<>();
    Map<String, FileEntry> all = new HashMap<>(before);
    all.putAll(after);
    all.keySet().stream()
        .sorted()
        .forEach(path -> {
          FileEntry old = before.get(path);
          FileEntry now = after.get(path);
          boolean known =
              old != null && now != null && old.isSameVersion(now) && now.changedNanos() < parted;
          if (!known) {
            pairs.add(new Pair(old, now));
          }
        });
    return pairs;
  }

  private static List<Integer> files(Collection<@Nullable FileEntry> entries) {
    List<Integer> indices = new ArrayList<>();
    for (FileEntry entry : entries) {
      if (entry != null && entry.type().equals("file")) {
        indices.add(entry.index());
      }
    }
    return indices;
  }

  private static boolean differ(
      FileEntry old, FileEntry now, Map<Integer, Content> before, Map<Integer, Content> after) {
    return !old.type().equals(now.type())
        || old.mode() != now.mode()
        || !old.target().equals(now.target())
        || !digest(old, before).equals(digest(now, after));
  }

  private static FileChange change(
      FileEntry entry, Map<Integer, Content> contents, Optional<String> patch) {
    return new FileChange(
        entry.path(), entry.type(), entry.size(), entry.mode(), digest(entry, contents), patch);
  }

  private static Optional<String> digest(FileEntry entry, Map<Integer, Content> contents) {
    return Optional.ofNullable(contents.get(entry.index()))
        .map(Content::sha256)
        .filter(sha -> sha.length() == 64);
  }

  private static Optional<String> text(FileEntry entry, Map<Integer, Content> contents) {
    return Optional.ofNullable(contents.get(entry.index())).flatMap(Content::text);
  }

  /** Makes patches as long as there is room. One thread. */
  private static final class Texts {
    private final boolean wanted;
    private long room = ALL_TEXTS;

    Texts(boolean wanted) {
      this.wanted = wanted;
    }

    Optional<String> patch(String path, String before, Optional<String> after) {
      if (!wanted || after.isEmpty() || before.equals(after.get())) {
        return Optional.empty();
      }
      room -= before.length() + after.get().length();
      return room < 0 ? Optional.empty() : Patches.unified(path, before, after.get());
    }
  }
}
