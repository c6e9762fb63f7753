package dev.podflare.store.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Space kept for the moment when the disk is full: a collection has to write down what it will
 * delete before it can free anything. Thread-safe.
 */
final class FolderReserve {
  private static final Logger LOG = LoggerFactory.getLogger(FolderReserve.class);
  private static final int BYTES = 2 << 20; // the longest list of a collection, and its lease

  private final Path file;

  FolderReserve(Path file) {
    this.file = file;
  }

  /** Takes the space unless it is taken; without success on a disk that is full already. */
  void take() {
    try {
      if (!Files.exists(file)) {
        Files.write(file, new byte[BYTES]);
      }
    } catch (IOException full) {
      LOG.warn("no space to reserve for collections of the checkpoint store: {}", full.toString());
      giveUp();
    }
  }

  /** Whether there was space, which is free now. */
  boolean giveUp() {
    try {
      return Files.deleteIfExists(file);
    } catch (IOException e) {
      LOG.debug("cannot delete {}", file, e);
      return false;
    }
  }
}
