package dev.podflare.image;

import dev.podflare.image.Commands.Command;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Keeps the files of installed packages, so that another recipe with the same packages, or the same
 * recipe with another agent, need not install them again. Thread-safe, and safe beside other
 * processes.
 */
final class PackageCache {
  private static final Duration MAX_AGE = Duration.ofDays(7);
  private static final int MAX_KEPT = 3;
  private static final Duration PATIENCE = Duration.ofHours(1);
  private static final Duration COPY_DEADLINE = Duration.ofMinutes(10);

  private final Path store;
  private final Path folder;
  private final Consumer<Duration> waiting;

  /** {@code waiting} hears how long another build that installs the same is waited for. */
  PackageCache(Path store, Consumer<Duration> waiting) {
    this.store = store;
    this.waiting = waiting;
    this.folder = store.resolve(".base");
  }

  /** Makes files out of packages. */
  interface Installer {
    void install(Path root) throws IOException;
  }

  /** Fills {@code root} from the cache, or with the installer, whose work is kept. */
  void fill(
      String key, boolean refresh, String step, Commands commands, Installer installer, Path root)
      throws IOException {
    try (Workspace workspace = Workspace.open(store, "base-" + key, PATIENCE, waiting)) {
      Path kept = folder.resolve(key);
      if (!fresh(kept) || (refresh && !workspace.waited())) {
        Path made = Files.createDirectory(workspace.path("base"));
        installer.install(made.resolve("root"));
        commands.run(new Command(step, COPY_DEADLINE, List.of("sync", "-f", made.toString())));
        replace(workspace, made, kept);
      }
      Files.setLastModifiedTime(kept, FileTime.from(Instant.now()));
      commands.run(
          new Command(
              step,
              COPY_DEADLINE,
              List.of(
                  "cp", "-a", "--reflink=auto", kept.resolve("root").toString(), root.toString())));
    }
    evict();
  }

  private void replace(Workspace workspace, Path made, Path kept) throws IOException {
    Files.createDirectories(folder);
    // Closed to others: the guest's set-user-id programs lie in it as they are.
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
    if (Files.exists(kept)) {
      Files.move(kept, workspace.path("old"), StandardCopyOption.ATOMIC_MOVE);
    }
    Files.writeString(made.resolve("installed_at"), Instant.now().toString());
    Files.move(made, kept, StandardCopyOption.ATOMIC_MOVE);
  }

  private static boolean fresh(Path kept) throws IOException {
    Path stamp = kept.resolve("installed_at");
    return Files.isRegularFile(stamp)
        && Instant.parse(Files.readString(stamp)).plus(MAX_AGE).isAfter(Instant.now());
  }

  private void evict() throws IOException {
    List<Path> all = new ArrayList<>();
    try (Stream<Path> entries = Files.list(folder)) {
      entries.forEach(all::add);
    }
    all.sort(Comparator.comparing(PackageCache::lastUse).reversed());
    for (Path least : all.subList(Math.min(MAX_KEPT, all.size()), all.size())) {
      Optional<Workspace> free = Workspace.tryOpen(store, "base-" + least.getFileName());
      if (free.isPresent()) {
        try (Workspace workspace = free.get()) {
          Files.move(least, workspace.path("old"), StandardCopyOption.ATOMIC_MOVE);
        }
      }
    }
  }

  private static FileTime lastUse(Path kept) {
    try {
      return Files.getLastModifiedTime(kept);
    } catch (IOException e) {
      return FileTime.fromMillis(0);
    }
  }
}
