package dev.podflare.cli;

import dev.podflare.client.FileEntry;
import dev.podflare.client.FilePage;
import dev.podflare.client.SandboxFiles;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * What is in a folder, by path from it on, folders before what is in them. No link is followed.
 *
 * @param skipped what cannot be copied: devices, pipes, sockets, and names that are no UTF-8
 * @param left what the filter does not take
 */
record SyncTree(SortedMap<String, SyncEntry> entries, List<String> skipped, List<String> left) {
  /** Deeper folders the server does not list. */
  static final int DEPTH = 100;

  private static final int PAGE = 10_000;

  private static SyncTree empty() {
    return new SyncTree(new TreeMap<>(), new ArrayList<>(), new ArrayList<>());
  }

  /** One of this machine; empty if there is no such folder. */
  static SyncTree of(Path folder, SyncFilter filter) throws IOException {
    SyncTree tree = empty();
    if (!Files.isDirectory(folder)) {
      return tree;
    }
    var ignored =
        Files.walkFileTree(
            folder,
            new SimpleFileVisitor<>() {
              @Override
              public FileVisitResult preVisitDirectory(Path path, BasicFileAttributes any)
                  throws IOException {
                return path.equals(folder) || add(path)
                    ? FileVisitResult.CONTINUE
                    : FileVisitResult.SKIP_SUBTREE;
              }

              @Override
              public FileVisitResult visitFile(Path path, BasicFileAttributes any)
                  throws IOException {
                boolean ignored = add(path);
                return FileVisitResult.CONTINUE;
              }

              private boolean add(Path path) throws IOException {
                String name = folder.relativize(path).toString();
                if (!filter.takes(name)) {
                  tree.left.add(name);
                  return false;
                }
                Optional<SyncEntry> entry = SyncEntry.of(path);
                entry.ifPresentOrElse(
                    it -> tree.entries.put(name, it), () -> tree.skipped.add(name));
                return true;
              }
            });
    return tree;
  }

  /** One of a sandbox; empty if there is no such folder. */
  static SyncTree of(SandboxFiles files, String folder, SyncFilter filter) {
    SyncTree tree = empty();
    if (!GuestPath.isFolder(files, folder)) {
      return tree;
    }
    String start = files.stat(folder + "/.").path().replaceFirst("/?\\.?$", "") + "/";
    Optional<String> cursor = Optional.empty();
    do {
      FilePage page = files.page(start, DEPTH, PAGE, cursor);
      page.entries().forEach(it -> tree.add(start, it, filter));
      cursor = page.nextCursor();
    } while (cursor.isPresent());
    return tree;
  }

  private void add(String start, FileEntry found, SyncFilter filter) {
    String name = found.path().startsWith(start) ? found.path().substring(start.length()) : "";
    // The guest says this: a name that leads elsewhere is none.
    boolean plain =
        !name.isEmpty()
            && found.pathBytes().isEmpty()
            && name.indexOf('\0') < 0
            && Stream.of(name.split("/", -1)).noneMatch(Set.of("", ".", "..")::contains);
    if (!plain) {
      skipped.add(found.path());
      return;
    }
    if (!filter.takesAll(name)) {
      left.add(name);
      return;
    }
    Optional<SyncEntry> entry = SyncEntry.of(found);
    if (entry.isEmpty()) {
      skipped.add(name);
      return;
    }
    if (entry.get().kind() == SyncEntry.Kind.FOLDER && name.split("/", -1).length >= DEPTH) {
      throw GuestPath.wrong("folders that are deeper than " + DEPTH + " cannot be synced: " + name);
    }
    entries.put(name, entry.get());
  }
}
