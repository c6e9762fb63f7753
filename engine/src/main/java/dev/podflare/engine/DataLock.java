package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * One daemon a data folder. The lock is the kernel's, so it is gone when the daemon is, however it
 * ended. Thread-safe.
 */
public final class DataLock implements AutoCloseable {
  /** The kernel drops a process's locks on a file when it closes any descriptor of that file. */
  private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

  private final FileChannel file;
  private final Path folder;
  private final String instance;

  private DataLock(FileChannel file, Path folder, String instance) {
    this.file = file;
    this.folder = folder;
    this.instance = instance;
  }

  /**
   * Takes it, or says {@code HOST_NOT_READY}; to be done before anything in the folder is touched.
   */
  public static DataLock acquire(Path dataFolder) {
    try {
      Files.createDirectories(dataFolder);
      Files.setPosixFilePermissions(dataFolder, PosixFilePermissions.fromString("rwx------"));
      Path real = dataFolder.toRealPath();
      if (!HELD.add(real)) {
        throw inUse(real);
      }
      FileChannel file =
          FileChannel.open(
              real.resolve("daemon.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      if (file.tryLock() == null) {
        file.close();
        HELD.remove(real);
        throw inUse(real);
      }
      return new DataLock(file, real, digest(real));
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.HOST_NOT_READY, "cannot use the data folder " + dataFolder, e);
    }
  }

  private static PodflareException inUse(Path folder) {
    return new PodflareException(
        ErrorCode.HOST_NOT_READY,
        "another daemon uses the data folder " + folder + "; choose another with --data");
  }

  /** Eight hex digits that stand for the data folder on this host. */
  String instance() {
    return instance;
  }

  private static String digest(Path folder) {
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256")
              .digest(folder.toString().getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(hash, 0, 4);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {
    try {
      if (file.isOpen()) {
        file.close();
        HELD.remove(folder);
      }
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot release the data folder", e);
    }
  }
}
