package dev.podflare.cli;

import dev.podflare.client.FileEntry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Optional;

/**
 * What a folder has under one name, as far as {@code sync} looks at it. Immutable.
 *
 * @param size bytes of a file, else 0
 * @param seconds since 1970, of the last change
 * @param mode permission bits without set-id and sticky
 * @param target of a link, else empty
 */
record SyncEntry(Kind kind, long size, long seconds, int mode, String target) {
  /** Permission bits with the kind, as Linux has them; can be read and set. */
  static final String MODE = "unix:mode";

  private static final int PERMISSIONS = 0777;

  enum Kind {
    FILE,
    FOLDER,
    LINK
  }

  /** Empty for what is neither file, folder nor link. */
  static Optional<SyncEntry> of(FileEntry guest) {
    Optional<Kind> kind =
        switch (guest.type()) {
          case "file" -> Optional.of(Kind.FILE);
          case "directory" -> Optional.of(Kind.FOLDER);
          case "link" -> Optional.of(Kind.LINK);
          default -> Optional.empty();
        };
    return kind.map(it ->
        new SyncEntry(
            it,
            it == Kind.FILE ? guest.size() : 0,
            guest.mtime().getEpochSecond(),
            Integer.parseInt(guest.mode(), 8) & PERMISSIONS,
            guest.target().orElse("")));
  }

  /** Empty for what is neither file, folder nor link. */
  static Optional<SyncEntry> of(Path local) throws IOException {
    BasicFileAttributes all =
        Files.readAttributes(local, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    if (all.isOther()) {
      return Optional.empty();
    }
    Kind kind = all.isDirectory() ? Kind.FOLDER : all.isSymbolicLink() ? Kind.LINK : Kind.FILE;
    Object bits = Files.getAttribute(local, MODE, LinkOption.NOFOLLOW_LINKS);
    int mode = ((Integer) bits) & PERMISSIONS;
    String target = kind == Kind.LINK ? Files.readSymbolicLink(local).toString() : "";
    long size = kind == Kind.FILE ? all.size() : 0;
    return Optional.of(
        new SyncEntry(
            kind, size, all.lastModifiedTime().toInstant().getEpochSecond(), mode, target));
  }

  /** Whether nothing has to be done to have the one where the other is. */
  boolean same(SyncEntry other) {
    return kind == other.kind
        && switch (kind) {
          case FILE -> size == other.size && seconds == other.seconds && mode == other.mode;
          case LINK -> target.equals(other.target);
          case FOLDER -> mode == other.mode;
        };
  }
}
