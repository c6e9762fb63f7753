package dev.podflare.cli;

import dev.podflare.client.SandboxFiles;
import dev.podflare.common.FileTree;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Map;
import java.util.UUID;

/**
 * Carries out a plan for a folder of this machine. What the guest says of its files is not trusted:
 * nothing is written through a link, whoever made it.
 */
final class SyncDown {
  private final Path to;
  private final SandboxFiles files;
  private final String from;
  private final CopyProgress progress;

  SyncDown(SandboxFiles files, String from, Path to, CopyProgress progress) {
    this.files = files;
    this.from = from;
    this.to = to;
    this.progress = progress;
  }

  void run(SyncPlan plan) throws IOException {
    for (String name : plan.removed()) {
      FileTree.delete(place(name));
    }
    for (Map.Entry<String, SyncEntry> each : plan.copied().entrySet()) {
      copy(each.getKey(), each.getValue());
    }
    // Last, since a folder that nobody may write to could not be filled.
    for (Map.Entry<String, SyncEntry> each : plan.copied().reversed().entrySet()) {
      if (each.getValue().kind() == SyncEntry.Kind.FOLDER) {
        permit(place(each.getKey()), each.getValue());
      }
    }
  }

  private void copy(String name, SyncEntry entry) throws IOException {
    Path place = place(name);
    switch (entry.kind()) {
      case FOLDER -> {
        if (!Files.isDirectory(place, LinkOption.NOFOLLOW_LINKS)) {
          Files.createDirectory(place);
        }
      }
      case LINK -> {
        Path part = part(place);
        Files.createSymbolicLink(part, Path.of(entry.target()));
        move(part, place);
      }
      case FILE -> file(name, place, entry);
    }
  }

  private void file(String name, Path place, SyncEntry entry) throws IOException {
    Path part = part(place);
    try {
      try (InputStream in = progress.count(files.read(from + "/" + name));
          OutputStream out = Files.newOutputStream(part)) {
        long ignored = in.transferTo(out);
      }
      permit(part, entry);
      var ignored =
          Files.setLastModifiedTime(part, FileTime.from(Instant.ofEpochSecond(entry.seconds())));
      move(part, place);
    } catch (IOException | RuntimeException e) {
      boolean ignored = Files.deleteIfExists(part);
      throw e;
    }
  }

  private static void move(Path part, Path place) throws IOException {
    var ignored =
        Files.move(
            part, place, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
  }

  /** Beside its place first: what is there is kept if the transfer breaks off. */
  private static Path part(Path place) {
    return place.resolveSibling(".podflare-" + UUID.randomUUID());
  }

  private static void permit(Path path, SyncEntry entry) throws IOException {
    var ignored = Files.setAttribute(path, SyncEntry.MODE, entry.mode());
  }

  /** The path in the folder, whose parents have to be folders themselves and no links. */
  private Path place(String name) {
    Path path = to;
    for (Path part : Path.of(name)) {
      if (!Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
        throw GuestPath.wrong(path + " is no folder (any more); nothing is written through a link");
      }
      path = path.resolve(part);
    }
    return path;
  }
}
