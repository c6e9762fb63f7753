package dev.podflare.engine;

import dev.podflare.common.DataSize;
import dev.podflare.common.PodflareException;
import dev.podflare.qemu.HistoryStep;
import dev.podflare.qemu.MemoryHistory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The files of an {@link UndoRing}, in a folder with the name of its machine, {@code
 * undo/MACHINE/}:
 *
 * <pre>
 * memory            own pages of the newest moment, see {@link MemoryHistory}
 * NUMBER/           a moment; the greatest number is the newest; a name that ends with ~ is a draft
 *   moment.json     {@link UndoMoment}
 *   devices, own    state of the devices; which pages are the machine's own
 *   layer-N.qcow2   links to the frozen layers of its disk
 *   before          of all but the newest: pages of memory that the next moment has changed
 * </pre>
 *
 * <p>When a machine takes another's place the folder is renamed, as the last step. So a daemon that
 * is killed before has a machine without moments, and never one with moments that are not its own.
 * One at a time, under the ring's lock.
 */
final class UndoFiles {
  private static final Logger LOG = LoggerFactory.getLogger(UndoFiles.class);
  private static final String ROOT = "undo";
  private static final String BEFORE = "before";
  private static final String DRAFT = "~";

  private final Path dataFolder;
  private final Path folder;
  private final DataSize memory;
  private volatile List<Kept> moments = List.of(); // oldest first
  private @Nullable MemoryHistory history;
  private long next;

  /** A moment and its folder. */
  private record Kept(long number, Path folder, UndoMoment moment) {
    Path before() {
      return folder.resolve(BEFORE);
    }
  }

  UndoFiles(Path dataFolder, GuestMachine guest) {
    this.dataFolder = dataFolder;
    this.folder = dataFolder.resolve(ROOT).resolve(guest.machine().id());
    this.memory = guest.shape().frozen().shape().memory();
    if (Files.isDirectory(folder)) {
      open();
    }
  }

  /** Removes what no machine of those needs any more. */
  static void sweep(Path dataFolder, Set<String> machines) {
    Path root = dataFolder.resolve(ROOT);
    if (Files.isDirectory(root)) {
      try (Stream<Path> folders = Files.list(root)) {
        folders
            .filter(it -> !machines.contains(it.getFileName().toString()))
            .forEach(CheckpointFolders::remove);
      } catch (IOException e) {
        LOG.warn("cannot look through {}: {}", root, e.toString());
      }
    }
  }

  private void open() {
    try {
      moments = found();
      next = moments.isEmpty() ? 0 : moments.getLast().number() + 1;
      if (moments.isEmpty()) {
        clear();
        return;
      }
      MemoryHistory opened = history();
      for (Kept kept : moments) {
        HistoryStep.tell(opened, kept.folder());
      }
      undoHalfStep(opened);
    } catch (IOException | PodflareException e) {
      LOG.warn("what was kept in {} cannot be read: {}", folder, e.toString());
      clear();
    }
  }

  /** Bytes of before that belong to no newer moment: that one was never finished. */
  private void undoHalfStep(MemoryHistory opened) throws IOException {
    Path before = moments.getLast().before();
    if (Files.exists(before)) {
      opened.goBack(before);
    }
  }

  private List<Kept> found() throws IOException {
    List<Kept> found = new ArrayList<>();
    try (Stream<Path> entries = Files.list(folder)) {
      for (Path entry : (Iterable<Path>) entries.sorted()::iterator) {
        String name = entry.getFileName().toString();
        if (name.endsWith(DRAFT)) {
          CheckpointFolders.remove(entry);
        } else if (name.matches("\\d{12}")) {
          found.add(new Kept(Long.parseLong(name), entry, UndoMoment.read(entry)));
        }
      }
    }
    return found;
  }

  int count() {
    return moments.size();
  }

  /** Memory of before that all moments keep. */
  long bytes() {
    return moments.stream().skip(1).mapToLong(it -> it.moment().keptBytes()).sum();
  }

  /** What the file system has left. */
  long freeBytes() {
    return dataFolder.toFile().getUsableSpace();
  }

  MemoryHistory history() throws IOException {
    MemoryHistory opened = history;
    if (opened == null) {
      Files.createDirectories(
          folder,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      opened = MemoryHistory.open(folder, memory);
      history = opened;
    }
    return opened;
  }

  /** An empty folder for the moment that will be the newest. */
  Path draft() throws IOException {
    history(); // makes the folder
    Path draft = folder.resolve(name(next) + DRAFT);
    CheckpointFolders.remove(draft);
    return Files.createDirectory(draft);
  }

  private static String name(long number) {
    return String.format("%012d", number);
  }

  /** What the newest moment until now had is to be kept there; empty: there is none. */
  Optional<Path> beforeOfNewest() {
    return moments.isEmpty() ? Optional.empty() : Optional.of(moments.getLast().before());
  }

  /** From the rename on it is there. */
  void add(Path draft, UndoMoment moment) throws IOException {
    moment.write(draft);
    Path done = folder.resolve(name(next));
    Files.move(draft, done, StandardCopyOption.ATOMIC_MOVE);
    List<Kept> more = new ArrayList<>(moments);
    more.add(new Kept(next++, done, moment));
    moments = List.copyOf(more);
  }

  void dropOldest() throws IOException {
    Kept oldest = moments.getFirst();
    remove(oldest);
    moments = moments.subList(1, moments.size());
    if (moments.isEmpty()) {
      clear();
    }
  }

  /** Out of sight at once, so that a half removed one is never taken for a whole one. */
  private void remove(Kept kept) throws IOException {
    Path gone = folder.resolve(name(kept.number()) + DRAFT);
    Files.move(kept.folder(), gone, StandardCopyOption.ATOMIC_MOVE);
    CheckpointFolders.remove(gone);
  }

  /** The moment before the last {@code calls}, of which there are as many. */
  UndoRing.Picked read(int calls, Path layerFolder) throws IOException {
    int index = moments.size() - calls;
    Kept kept = moments.get(index);
    List<Path> layers = new ArrayList<>();
    for (String layer : kept.moment().layers()) {
      layers.add(Files.createLink(layerFolder.resolve(layer), kept.folder().resolve(layer)));
    }
    List<Path> before =
        moments.subList(index, moments.size() - 1).reversed().stream().map(Kept::before).toList();
    return new UndoRing.Picked(
        kept.number(),
        kept.moment(),
        HistoryStep.checkpoint(history(), kept.folder(), before, layers));
  }

  /**
   * Takes the other's folder over, but for the moment {@code number} and what is newer: at that
   * moment the sandbox is now.
   */
  void goOnFrom(UndoFiles other, long number) throws IOException {
    while (other.count() > 0 && other.moments.getLast().number() >= number) {
      Kept newest = other.moments.getLast();
      other.remove(newest);
      other.moments = other.moments.subList(0, other.moments.size() - 1);
      if (other.count() > 0) {
        other.history().goBack(other.moments.getLast().before());
      }
    }
    if (other.count() == 0) {
      other.clear();
      return;
    }
    other.close();
    other.moments = List.of();
    Files.move(other.folder, folder, StandardCopyOption.ATOMIC_MOVE);
    open();
  }

  /** Nothing can be undone from now on. */
  void clear() {
    close();
    moments = List.of();
    CheckpointFolders.remove(folder);
  }

  /** Lets go of the files, and leaves them. */
  void close() {
    MemoryHistory opened = history;
    history = null;
    if (opened != null) {
      opened.close();
    }
  }
}
