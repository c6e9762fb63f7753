package dev.podflare.image;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/** Puts files in place so that a crash leaves the old state or the new one. Stateless. */
final class Durable {
  private Durable() {}

  /** Moves a folder of plain files to a path that does not exist yet, all or nothing. */
  static void moveFolder(Path from, Path to) throws IOException {
    List<Path> files;
    try (Stream<Path> entries = Files.list(from)) {
      files = entries.toList();
    }
    for (Path file : files) {
      sync(file);
    }
    sync(from);
    Files.createDirectories(parent(to));
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    sync(parent(to));
    sync(parent(parent(to)));
  }

  /** Replaces a small file, all or nothing. */
  static void replace(Path file, String content) throws IOException {
    Path fresh = Files.createTempFile(parent(file), ".new-", "");
    try {
      Files.writeString(fresh, content);
      sync(fresh);
      Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
      sync(parent(file));
    } finally {
      Files.deleteIfExists(fresh);
    }
  }

  private static Path parent(Path path) {
    return Objects.requireNonNull(path.toAbsolutePath().getParent(), "a root has no parent");
  }

  /** Makes a file, or the entries of a folder, durable. */
  static void sync(Path path) throws IOException {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }
}
