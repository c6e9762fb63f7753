package dev.podflare.linux;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A file in memory without a name. Other processes open it as {@link #path()} for as long as this
 * process lives and keeps it open. Thread-safe.
 */
public final class Memfd implements AutoCloseable {
  private static final int O_CLOEXEC = 02000000;
  private static final int MFD_CLOEXEC = 1;
  private static final int MFD_ALLOW_SEALING = 2;
  private static final int O_NONBLOCK = 04000;
  private static final int F_ADD_SEALS = 1033;
  private static final int F_GET_SEALS = 1034;
  private static final int SEAL_SEAL = 1;
  private static final int SEAL_SHRINK = 2;
  private static final int SEAL_GROW = 4;
  private static final int SEAL_WRITE = 8;

  private final int fd;
  private final long size;
  private final AtomicBoolean closed = new AtomicBoolean();

  private Memfd(int fd, long size) {
    this.fd = fd;
    this.size = size;
  }

  /** Makes an empty (all zero) file of {@code size} bytes. */
  public static Memfd create(String name, long size) {
    int fd = Libc.memfdCreate(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    try {
      Libc.ftruncate(fd, size);
    } catch (RuntimeException e) {
      Libc.close(fd);
      throw e;
    }
    return new Memfd(fd, size);
  }

  /**
   * Opens one that another process has, by its path there. What is there now may not be what it
   * was: only a sealed memory file of {@code size} bytes is taken.
   */
  public static Memfd adopt(Path path, long size) {
    Memfd file = new Memfd(Libc.open(path.toString(), O_CLOEXEC | O_NONBLOCK), size);
    file.requireSealed(path);
    try (FileChannel content = file.open(StandardOpenOption.READ)) {
      if (content.size() != size) {
        throw new PodflareException(
            ErrorCode.MACHINE_FAILED, path + " has " + content.size() + " bytes, not " + size);
      }
      return file;
    } catch (IOException e) {
      file.close();
      throw new PodflareException(ErrorCode.MACHINE_FAILED, "cannot open " + path, e);
    } catch (RuntimeException e) {
      file.close();
      throw e;
    }
  }

  private void requireSealed(Path path) {
    int seals = 0;
    try {
      seals = Libc.fcntl(fd, F_GET_SEALS, 0);
    } catch (PodflareException noMemoryFile) {
      // Then it has none.
    }
    if ((seals & SEAL_WRITE) == 0) {
      close();
      throw new PodflareException(ErrorCode.MACHINE_FAILED, path + " is no sealed memory file");
    }
  }

  /**
   * From now on nobody can change the file, not even through a mapping that is made later. Fails
   * while a shared writable mapping exists.
   */
  public void seal() {
    Libc.fcntl(fd, F_ADD_SEALS, SEAL_SEAL | SEAL_SHRINK | SEAL_GROW | SEAL_WRITE);
  }

  /** Size in bytes. */
  public long size() {
    return size;
  }

  /** Where any process of this user can open it: {@code /proc/PID/fd/N}. */
  public Path path() {
    return Path.of("/proc", Long.toString(ProcessHandle.current().pid()), "fd", "" + fd);
  }

  /** Opens the content for reading and writing. The caller closes the channel. */
  public FileChannel open(StandardOpenOption... options) {
    try {
      return FileChannel.open(path(), options);
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot open memory file " + path(), e);
    }
  }

  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      Libc.close(fd);
    }
  }
}
