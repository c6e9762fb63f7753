package dev.podflare.volume;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.FileTree;
import dev.podflare.common.FullDisk;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The volumes of one host, each in a folder of its own, by id. One is opened when it is first asked
 * for. What was changed in the table of files of one is on the host's disk within a second.
 * Thread-safe.
 */
public final class Volumes implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Volumes.class);
  private static final Duration SYNC = Duration.ofSeconds(1);
  private static final String KIND = "vol_";

  private final Path folder;
  private final VolumeConfig config;
  private final InstantSource clock;
  private static final String DELETED = "deleted-";
  private static final String UNKNOWN = "unknown-";
  private static final Duration KEEP = Duration.ofDays(7);

  private final Map<String, DataSize> limits = new HashMap<>();
  private final Map<String, Volume> open = new HashMap<>();
  private final Thread syncer;
  private boolean closed;

  private Volumes(Path folder, VolumeConfig config, InstantSource clock) {
    this.folder = folder;
    this.config = config;
    this.clock = clock;
    this.syncer = Thread.ofVirtual().name("volumes-sync").unstarted(this::syncAll);
  }

  /**
   * Those below a folder, which is made if it is missing.
   *
   * @param known most bytes of each that there is, by id; folders of others are set aside, and
   *     deleted a week later
   */
  public static Volumes open(Path folder, VolumeConfig config, Map<String, DataSize> known) {
    return open(folder, config, known, InstantSource.system());
  }

  static Volumes open(
      Path folder, VolumeConfig config, Map<String, DataSize> known, InstantSource clock) {
    try {
      Path ignored = Files.createDirectories(folder);
      Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
      Volumes volumes = new Volumes(folder, config, clock);
      volumes.limits.putAll(known);
      volumes.sweep();
      volumes.syncer.start();
      return volumes;
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.HOST_NOT_READY, "cannot use the folder of volumes: " + e.getMessage(), e);
    }
  }

  /** What no record knows is kept for a while: the records may be those of another database. */
  private void sweep() throws IOException {
    try (Stream<Path> there = Files.list(folder)) {
      for (Path path : there.toList()) {
        String name = path.getFileName().toString();
        if (name.startsWith(DELETED)) {
          FileTree.delete(path);
        } else if (name.startsWith(UNKNOWN)) {
          sweepUnknown(path, name.substring(UNKNOWN.length()));
        } else if (!limits.containsKey(name)) {
          Path aside = folder.resolve(UNKNOWN + clock.instant().getEpochSecond() + "-" + name);
          LOG.warn("no record knows {}: kept as {} for {} days", name, aside, KEEP.toDays());
          Path ignored = Files.move(path, aside);
        }
      }
    }
  }

  private void sweepUnknown(Path path, String since) throws IOException {
    int dash = since.indexOf('-');
    String id = since.substring(dash + 1);
    Path known = folder.resolve(id);
    if (limits.containsKey(id) && !Files.exists(known)) {
      Path ignored = Files.move(path, known);
    } else if (since.substring(0, Math.max(dash, 0)).matches("[0-9]{1,12}")
        && Instant.ofEpochSecond(Long.parseLong(since.substring(0, dash)))
            .plus(KEEP)
            .isBefore(clock.instant())) {
      FileTree.delete(path);
    }
  }

  /** The hexadecimal digits of an id. */
  static String digits(String id) {
    if (!id.matches(KIND + "[0-9a-f]{32}")) {
      throw new PodflareException(ErrorCode.INTERNAL, "no id of a volume: " + id);
    }
    return id.substring(KIND.length());
  }

  /** How they are served. */
  public VolumeConfig config() {
    return config;
  }

  /** Knows another one from now on, with nothing in it. */
  public synchronized void add(String id, DataSize mostBytes) {
    String ignored = digits(id);
    limits.put(id, mostBytes);
  }

  /** What one holds; empty if there is none of this id. */
  public Optional<VolumeUsage> usage(String id) {
    return find(digits(id)).map(Volume::usage);
  }

  /** Guests that have it mounted find it stale from now on. Idempotent. */
  public void delete(String id) {
    Volume volume;
    synchronized (this) {
      limits.remove(id);
      volume = open.remove(id);
    }
    if (volume != null) {
      volume.close();
    }
    try {
      Path content = folder.resolve(id);
      if (Files.exists(content)) {
        // Out of sight in one step; what a crash leaves goes at the next start.
        FileTree.delete(Files.move(content, folder.resolve(DELETED + id)));
      }
    } catch (IOException e) {
      LOG.warn("{} is deleted at the next start: {}", id, e.toString());
    }
  }

  /** By the digits of its id, as file handles have them. */
  synchronized Optional<Volume> find(String digits) {
    String id = KIND + digits;
    DataSize most = limits.get(id);
    if (most == null || closed) {
      return Optional.empty();
    }
    Volume volume = open.get(id);
    if (volume == null) {
      try {
        volume = Volume.open(folder.resolve(id), most.bytes(), config, clock);
      } catch (IOException e) {
        LOG.warn("{}: {}", id, e.getMessage());
        throw new PodflareException(
            FullDisk.isMeant(e) ? ErrorCode.DISK_FULL : ErrorCode.HOST_NOT_READY,
            "cannot open volume " + id,
            e);
      }
      open.put(id, volume);
    }
    return Optional.of(volume);
  }

  private void syncAll() {
    try {
      while (true) {
        Thread.sleep(SYNC);
        List<Volume> all;
        synchronized (this) {
          all = new ArrayList<>(open.values());
        }
        for (Volume volume : all) {
          try {
            volume.sync();
          } catch (NfsFault closedMeanwhile) {
            LOG.trace("not synced", closedMeanwhile);
          }
        }
      }
    } catch (InterruptedException e) {
      LOG.trace("closed", e);
    }
  }

  /** Idempotent. */
  @Override
  public void close() {
    List<Volume> all;
    synchronized (this) {
      closed = true;
      all = new ArrayList<>(open.values());
      open.clear();
    }
    syncer.interrupt();
    all.forEach(Volume::close);
  }
}
