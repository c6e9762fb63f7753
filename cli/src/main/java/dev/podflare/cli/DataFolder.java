package dev.podflare.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Where the daemon keeps what it owns. */
final class DataFolder {
  private static final String ADMIN_KEY = "admin.key";

  private DataFolder() {}

  /** {@code /var/lib/podflare} for root, else {@code ~/.podflare}. */
  static Path standard() {
    return "root".equals(System.getProperty("user.name"))
        ? Path.of("/var/lib/podflare")
        : Path.of(System.getProperty("user.home"), ".podflare");
  }

  /** The admin key that the daemon of this folder made, if this user may read it. */
  static Optional<String> adminKey(Path folder) {
    try {
      String key = Files.readString(folder.resolve(ADMIN_KEY)).strip();
      return key.isEmpty() ? Optional.empty() : Optional.of(key);
    } catch (IOException unreadable) {
      return Optional.empty();
    }
  }
}
