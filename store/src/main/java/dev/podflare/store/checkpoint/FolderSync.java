package dev.podflare.store.checkpoint;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Makes names in folders durable, and skips folders that have not changed since. A folder counts as
 * unchanged if its time of change is the one that it had, and had had for a while, when it was last
 * synced: later renames, also of other processes, cannot have left the same time. Thread-safe.
 */
final class FolderSync {
  private static final long CLOCK_TICK_MILLIS = 100; // the kernel's is 10 ms at most

  private final Path root;
  private final Map<Path, FileTime> synced = new ConcurrentHashMap<>();
  private final Set<Path> durableParents = ConcurrentHashMap.newKeySet();

  FolderSync(Path root) {
    this.root = root;
  }

  /** A folder that is not there has nothing to lose. */
  void sync(Path folder) throws IOException {
    try {
      FileTime changed = Files.getLastModifiedTime(folder);
      if (!changed.equals(synced.get(folder))) {
        long age = System.currentTimeMillis() - changed.toMillis();
        force(folder);
        if (age > CLOCK_TICK_MILLIS) {
          synced.put(folder, changed);
        }
      }
      syncParents(folder);
    } catch (NoSuchFileException gone) {
      return;
    }
  }

  /** A folder's own name is in its parent; once durable it stays, as folders are never removed. */
  private void syncParents(Path folder) throws IOException {
    Path parent = folder.getParent();
    if (!folder.equals(root) && parent != null && !durableParents.contains(folder)) {
      force(parent);
      syncParents(parent);
      durableParents.add(folder);
    }
  }

  private static void force(Path folder) throws IOException {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }
}
