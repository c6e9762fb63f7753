package dev.podflare.volume;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One volume that is open: its table of files, their content, and what both may grow to. What it
 * does throws {@link NfsFault}. Thread-safe: changes of the table are made one at a time; content
 * is read beside them.
 */
final class Volume {
  private static final Logger LOG = LoggerFactory.getLogger(Volume.class);
  private static final long SPACE_LOOK = 500_000_000L; // ns

  private final Path folder;
  private final long mostBytes;
  private final VolumeConfig config;
  private final InstantSource clock;
  private final VolumeTree tree;
  private final VolumeData data;
  private final ReentrantLock lock = new ReentrantLock();

  /** Files without a name whose content is still there. */
  private final List<Long> gone = new ArrayList<>();

  private VolumeUsage usage;
  private long names;
  private boolean dirty;
  private boolean closed;
  private long space;
  private long spaceSeen = System.nanoTime() - SPACE_LOOK;

  private Volume(
      Path folder, long mostBytes, VolumeConfig config, InstantSource clock, VolumeTree tree)
      throws SQLException {
    this.folder = folder;
    this.mostBytes = mostBytes;
    this.config = config;
    this.clock = clock;
    this.tree = tree;
    this.data = new VolumeData(folder.resolve("data"));
    this.usage = tree.usage();
    this.names = tree.names();
  }

  /** Opens what is in the folder; deletes what a daemon that was killed had no time to. */
  static Volume open(Path folder, long mostBytes, VolumeConfig config, InstantSource clock)
      throws IOException {
    try {
      Path ignored = Files.createDirectories(folder.resolve("data"));
      VolumeTree tree = VolumeTree.open(folder.resolve("tree.db"), nanos(clock));
      try {
        Volume volume = new Volume(folder, mostBytes, config, clock, tree);
        volume.gone.addAll(tree.leftovers());
        volume.dirty = !volume.gone.isEmpty();
        volume.sync();
        return volume;
      } catch (SQLException | RuntimeException e) {
        tree.close();
        throw e;
      }
    } catch (SQLException e) {
      throw new IOException("cannot open the volume: " + e.getMessage(), e);
    }
  }

  private static long nanos(InstantSource clock) {
    Instant now = clock.instant();
    return now.getEpochSecond() * 1_000_000_000L + now.getNano();
  }

  long mostBytes() {
    return mostBytes;
  }

  long mostFiles() {
    return config.files();
  }

  VolumeData data() {
    return data;
  }

  VolumeUsage usage() {
    lock.lock();
    try {
      return usage;
    } finally {
      lock.unlock();
    }
  }

  /** Something to be done with the table of files. */
  interface Action<T> {
    T run(VolumeTree tree) throws SQLException;
  }

  /** Looks at it. */
  <T> T look(Action<T> action) {
    return locked(() -> action.run(tree));
  }

  /** A change of the table; what it needs more is counted once all of it has been done. */
  final class Change {
    private final long now = nanos(clock);
    private final List<Long> gone = new ArrayList<>();
    private long moreBytes;
    private long moreFiles;
    private long moreNames;

    VolumeTree tree() {
      return tree;
    }

    VolumeData data() {
      return data;
    }

    long now() {
      return now;
    }

    /** A file grows or shrinks by so much. */
    void grow(long more) {
      moreBytes += more;
      if (more > 0) {
        if (moreBytes > mostBytes - usage.bytes()) {
          throw new NfsFault(NfsStatus.DQUOT);
        }
        requireSpace(more);
      }
    }

    /** So much is written, be it into a hole. */
    void fill(long bytes) {
      requireSpace(bytes);
    }

    /** Another file, folder or link; a name of it is another matter. */
    void addFile() {
      if (usage.files() + ++moreFiles > config.files()) {
        throw new NfsFault(NfsStatus.DQUOT);
      }
      requireSpace(0);
    }

    void addName() {
      // A file may have several: they are limited, too.
      if (names + ++moreNames > 2 * config.files()) {
        throw new NfsFault(NfsStatus.DQUOT);
      }
      requireSpace(0);
    }

    void removeName() {
      moreNames--;
    }

    /** Takes a file away, which has no name any more. */
    void remove(Inode inode) throws SQLException {
      tree.remove(inode);
      moreFiles--;
      moreBytes -= inode.size();
      if (inode.kind() == Inode.Kind.FILE) {
        gone.add(inode.number());
      }
    }
  }

  /** A part of a change. */
  interface ChangeAction<T> {
    T run(Change change) throws SQLException;
  }

  /**
   * Changes the table, all or nothing. Content that has no file any more is deleted once that is on
   * the disk: after a power failure the old file may be there again.
   */
  <T> T change(ChangeAction<T> action) {
    Change change;
    T result;
    lock.lock();
    try {
      change = new Change();
      result = locked(() -> tree.change(() -> action.run(change)));
      usage = new VolumeUsage(usage.bytes() + change.moreBytes, usage.files() + change.moreFiles);
      names += change.moreNames;
      gone.addAll(change.gone);
      dirty = true;
    } finally {
      lock.unlock();
    }
    return result;
  }

  private <T> T locked(VolumeTree.Action<T> action) {
    lock.lock();
    try {
      if (closed) {
        throw new NfsFault(NfsStatus.STALE);
      }
      return action.run();
    } catch (SQLException e) {
      LOG.warn("volume {}: {}", folder.getFileName(), e.getMessage());
      throw new NfsFault(NfsStatus.IO);
    } finally {
      lock.unlock();
    }
  }

  private void requireSpace(long more) {
    if (System.nanoTime() - spaceSeen >= SPACE_LOOK) {
      try {
        space = Files.getFileStore(folder).getUsableSpace();
      } catch (IOException e) {
        throw new NfsFault(NfsStatus.IO);
      }
      spaceSeen = System.nanoTime();
    }
    if (space - more < config.reserve().bytes()) {
      throw new NfsFault(NfsStatus.NOSPC);
    }
    space -= more;
  }

  /** Deletes content; if that fails, it is tried again when the volume is opened next. */
  private void discard(long inode) {
    try {
      data.delete(inode);
      locked(() -> {
        tree.cleaned(inode);
        return true;
      });
    } catch (IOException | NfsFault e) {
      LOG.debug("volume {}: content {} stays for now: {}", folder.getFileName(), inode, e);
    }
  }

  /** All that was changed in the table is on the host's disk when this returns. */
  void sync() {
    List<Long> contents =
        locked(() -> {
          if (dirty) {
            tree.sync();
            dirty = false;
          }
          List<Long> all = List.copyOf(gone);
          gone.clear();
          return all;
        });
    contents.forEach(this::discard);
  }

  /** What is asked of it after is stale. Idempotent. */
  void close() {
    lock.lock();
    try {
      if (closed) {
        return;
      }
      try {
        sync();
      } catch (NfsFault e) {
        LOG.warn("volume {} may not be on the disk as it was last", folder.getFileName());
      }
      closed = true;
      tree.close();
    } catch (SQLException e) {
      LOG.warn("volume {} did not close: {}", folder.getFileName(), e.getMessage());
    } finally {
      lock.unlock();
    }
  }
}
