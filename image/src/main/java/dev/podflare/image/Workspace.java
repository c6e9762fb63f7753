package dev.podflare.image;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.FileTree;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder of one build under way, and the lock that says that its builder lives. The lock is
 * taken before the folder is made and let go after it is removed: so a folder whose lock can be had
 * belongs to nobody. One thread; closing removes everything.
 */
final class Workspace implements AutoCloseable {
  static final String PREFIX = ".building-";

  private static final Logger LOG = LoggerFactory.getLogger(Workspace.class);
  private static final Duration END_DEADLINE = Duration.ofSeconds(10);

  private final Path folder;
  private final BuildLock lock;
  private final boolean waited;

  private Workspace(Path folder, BuildLock lock, boolean waited) {
    this.folder = folder;
    this.lock = lock;
    this.waited = waited;
  }

  /**
   * Waits until nobody else builds {@code key}, then makes an empty folder for it.
   *
   * @param waiting called about every second with the time waited so far
   */
  static Workspace open(Path store, String key, Duration deadline, Consumer<Duration> waiting)
      throws IOException {
    Files.createDirectories(store);
    long begin = System.nanoTime();
    Optional<BuildLock> lock = BuildLock.tryAcquire(lockFile(store, key));
    boolean waited = lock.isEmpty();
    for (int i = 0; lock.isEmpty(); i++) {
      Duration elapsed = Duration.ofNanos(System.nanoTime() - begin);
      if (elapsed.compareTo(deadline) > 0) {
        throw new PodflareException(
            ErrorCode.TIMED_OUT,
            "Another build of " + key + " is still under way after " + elapsed.toSeconds() + " s.");
      }
      if (i % 10 == 0) {
        waiting.accept(elapsed);
      }
      pause();
      lock = BuildLock.tryAcquire(lockFile(store, key));
    }
    return new Workspace(fresh(store.resolve(PREFIX + key), lock.get()), lock.get(), waited);
  }

  /** As {@link #open}, but empty when somebody else has it. */
  static Optional<Workspace> tryOpen(Path store, String key) throws IOException {
    Optional<BuildLock> lock = BuildLock.tryAcquire(lockFile(store, key));
    return lock.isEmpty()
        ? Optional.empty()
        : Optional.of(
            new Workspace(fresh(store.resolve(PREFIX + key), lock.get()), lock.get(), false));
  }

  /** Removes a dead builder's folder; false when its builder lives, or it is gone or cannot go. */
  static boolean sweep(Path store, String name) {
    Path folder = store.resolve(name);
    try {
      Optional<BuildLock> lock =
          BuildLock.tryAcquire(lockFile(store, name.substring(PREFIX.length())));
      if (lock.isEmpty()) {
        return false;
      }
      try {
        boolean left = Files.exists(folder);
        clear(folder);
        return left;
      } finally {
        lock.get().close();
      }
    } catch (IOException e) {
      LOG.warn("cannot remove the left-over build {}; the next sweep tries again", folder, e);
      return false;
    }
  }

  /** True when somebody else built the same before us. */
  boolean waited() {
    return waited;
  }

  Path folder() {
    return folder;
  }

  Path path(String name) {
    return folder.resolve(name);
  }

  @Override
  public void close() throws IOException {
    try {
      clear(folder);
    } finally {
      lock.close();
    }
  }

  private static Path fresh(Path folder, BuildLock lock) throws IOException {
    try {
      clear(folder);
      // Closed to others: the guest's set-user-id programs lie in it as they are.
      return Files.createDirectory(
          folder,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    } catch (IOException | RuntimeException e) {
      lock.close();
      throw e;
    }
  }

  private static void clear(Path folder) throws IOException {
    if (Files.exists(folder)) {
      endProcesses(folder);
      FileTree.delete(folder);
    }
  }

  private static void endProcesses(Path folder) throws IOException {
    String mark = "\0" + Commands.MARK + "=" + folder + "\0";
    long end = System.nanoTime() + END_DEADLINE.toNanos();
    for (List<ProcessHandle> left = marked(mark); !left.isEmpty(); left = marked(mark)) {
      if (System.nanoTime() > end) {
        throw new IOException("processes of a dead build do not end: " + left);
      }
      LOG.info("ending processes that a build left behind: {}", left);
      left.forEach(ProcessHandle::destroyForcibly);
      pause();
    }
  }

  /** By their environment, which a reused process id does not have. */
  private static List<ProcessHandle> marked(String mark) {
    try (Stream<ProcessHandle> all = ProcessHandle.allProcesses()) {
      return all.filter(process -> environment(process.pid()).contains(mark)).toList();
    }
  }

  private static String environment(long pid) {
    try {
      byte[] bytes = Files.readAllBytes(Path.of("/proc/" + pid + "/environ"));
      return "\0" + new String(bytes, StandardCharsets.UTF_8) + "\0";
    } catch (IOException e) {
      return ""; // ended meanwhile, or another user's
    }
  }

  private static void pause() {
    try {
      Thread.sleep(100);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(
          ErrorCode.SHUTTING_DOWN, "Interrupted while waiting for another template build.", e);
    }
  }

  private static Path lockFile(Path store, String key) {
    return store.resolve(".locks").resolve(key + ".lock");
  }
}
