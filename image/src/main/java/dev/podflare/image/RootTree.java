package dev.podflare.image;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.FileTree;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The guest's files in a folder of the host. Symbolic links are followed as the guest would follow
 * them, so a link like {@code /var/run → /run} never leads out of the folder. One at a time, and
 * only while nothing else changes the folder.
 */
final class RootTree {
  private static final int MAX_LINKS = 40;

  private final Path root;

  RootTree(Path root) {
    this.root = root;
  }

  Path root() {
    return root;
  }

  /** Where a path of the guest is on the host; what does not exist yet is taken as it is named. */
  Path resolve(String guestPath) throws IOException {
    Deque<String> left = new ArrayDeque<>(names(guestPath));
    Path at = root;
    int links = 0;
    while (!left.isEmpty()) {
      String name = left.pop();
      if (name.equals("..")) {
        at = at.equals(root) ? root : Objects.requireNonNull(at.getParent());
        continue;
      }
      Path next = at.resolve(name);
      if (!Files.isSymbolicLink(next)) {
        at = next;
        continue;
      }
      if (++links > MAX_LINKS) {
        throw new PodflareException(
            ErrorCode.BUILD_FAILED, "Too many symbolic links on the way to " + guestPath + ".");
      }
      String target = Files.readSymbolicLink(next).toString();
      if (target.startsWith("/")) {
        at = root;
      }
      names(target).reversed().forEach(left::push);
    }
    return at;
  }

  /** Puts a file in its place, with the folders above it. */
  void write(GuestFile file) throws IOException {
    Path target = resolve(file.path());
    Files.createDirectories(target.getParent());
    Files.deleteIfExists(target);
    Files.write(target, file.bytes());
    Files.setAttribute(target, "unix:mode", 0100000 | file.mode());
  }

  void write(String path, String content) throws IOException {
    write(new GuestFile(path, content.getBytes(java.nio.charset.StandardCharsets.UTF_8), 0644));
  }

  /** The names in a folder of the guest, in order; none when there is no such folder. */
  List<String> list(String folder) throws IOException {
    Path path = resolve(folder);
    if (!Files.isDirectory(path)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(path)) {
      return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
    }
  }

  void empty(String folder) throws IOException {
    for (String name : list(folder)) {
      FileTree.delete(resolve(folder).resolve(name));
    }
  }

  /** Removes a path itself, not what it links to; missing is fine. */
  void delete(String path) throws IOException {
    int slash = path.lastIndexOf('/');
    FileTree.delete(resolve(path.substring(0, slash)).resolve(path.substring(slash + 1)));
  }

  private static List<String> names(String path) {
    return Arrays.stream(path.split("/", -1))
        .filter(name -> !name.isEmpty() && !name.equals("."))
        .toList();
  }
}
