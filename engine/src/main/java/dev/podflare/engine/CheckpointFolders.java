package dev.podflare.engine;

import dev.podflare.common.FullDisk;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where the disk layers of a checkpoint lie until the machines made of it have linked them. The
 * layers themselves live as long as anybody has a link to them. Thread-safe.
 */
final class CheckpointFolders {
  private static final Logger LOG = LoggerFactory.getLogger(CheckpointFolders.class);

  private final Path root;

  /** Removes what a killed daemon left. */
  CheckpointFolders(Path dataFolder) {
    this.root = dataFolder.resolve("checkpoints");
    remove(root);
    try {
      Files.createDirectories(root);
    } catch (IOException fullPerhaps) {
      LOG.debug("{} will be made when it is needed", root, fullPerhaps);
    }
  }

  /** A new, empty folder that nobody else has. */
  Folder create() {
    try {
      Files.createDirectories(root);
      return new Folder(Files.createTempDirectory(root, ""));
    } catch (IOException e) {
      throw FullDisk.orFault("cannot make a folder for a checkpoint", e);
    }
  }

  /** A folder that is removed with all that is in it when it is closed. */
  record Folder(Path path) implements AutoCloseable {
    @Override
    public void close() {
      remove(path);
    }
  }

  /** What cannot be removed is left for the next start; what was made of it is not at fault. */
  static void remove(Path folder) {
    try (Stream<Path> tree = Files.walk(folder)) {
      for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    } catch (NoSuchFileException gone) {
      // That is what was wanted.
    } catch (IOException | UncheckedIOException e) {
      LOG.warn("cannot remove {}: {}", folder, e.toString());
    }
  }
}
