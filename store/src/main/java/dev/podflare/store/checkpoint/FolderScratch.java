package dev.podflare.store.checkpoint;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * A folder for half-written files that is held by a lock while its process lives. The kernel lets
 * go of the lock however the process ends, so whoever can take it knows that what is inside is left
 * over. Thread-safe.
 */
final class FolderScratch implements AutoCloseable {
  private static final String LOCK = "lock";

  private final Path parent;
  private final Path own;
  private final FileChannel lockFile;

  private FolderScratch(Path parent, Path own, FileChannel lockFile) {
    this.parent = parent;
    this.own = own;
    this.lockFile = lockFile;
  }

  /** The folder gets its final name only when its lock is held, so that no sweep takes it. */
  @SuppressWarnings({"resource", "MustBeClosedChecker"}) // held until close
  static FolderScratch make(Path parent) throws IOException {
    Files.createDirectories(parent);
    String name = UUID.randomUUID().toString();
    Path draft = Files.createDirectory(parent.resolve("." + name));
    FileChannel lockFile =
        FileChannel.open(
            draft.resolve(LOCK), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    try {
      lockFile.lock();
      Path own = parent.resolve(name);
      Files.move(draft, own);
      return new FolderScratch(parent, own, lockFile);
    } catch (IOException | RuntimeException failed) {
      lockFile.close();
      throw failed;
    }
  }

  Path fresh() {
    return own.resolve(UUID.randomUUID().toString());
  }

  FolderReserve reserve() {
    return new FolderReserve(own.resolve("reserve"));
  }

  /** Removes the folders of processes that are gone. */
  void sweep() throws IOException {
    try (DirectoryStream<Path> all = Files.newDirectoryStream(parent)) {
      for (Path folder : all) {
        if (!folder.equals(own)) {
          sweep(folder);
        }
      }
    }
  }

  private static void sweep(Path folder) throws IOException {
    try (FileChannel file = FileChannel.open(folder.resolve(LOCK), StandardOpenOption.WRITE);
        @Nullable FileLock lock = file.tryLock()) {
      if (lock != null) {
        deleteTree(folder);
      }
    } catch (OverlappingFileLockException held) {
      return; // by another store of this process
    } catch (NoSuchFileException draft) {
      deleteOldDraft(folder);
    }
  }

  /** A draft without a lock file is being made, or its maker died in between. */
  private static void deleteOldDraft(Path folder) throws IOException {
    long age = System.currentTimeMillis() - lastModified(folder);
    if (age > 60_000) {
      deleteTree(folder);
    }
  }

  private static long lastModified(Path folder) throws IOException {
    try {
      return Files.getLastModifiedTime(folder).toMillis();
    } catch (NoSuchFileException gone) {
      return Long.MAX_VALUE;
    }
  }

  /** The lock goes last, or another sweep could take a folder that is not empty for a draft. */
  private static void deleteTree(Path folder) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
      for (Path file : files) {
        if (!file.endsWith(LOCK)) {
          Files.deleteIfExists(file);
        }
      }
    } catch (NoSuchFileException gone) {
      return;
    }
    Files.deleteIfExists(folder.resolve(LOCK));
    Files.deleteIfExists(folder);
  }

  @Override
  public void close() throws IOException {
    deleteTree(own);
    lockFile.close();
  }
}
