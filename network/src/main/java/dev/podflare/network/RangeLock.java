package dev.podflare.network;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Held by the one daemon of the host that looks whether a range is free and takes it: of two that
 * start together one would else not see the other. The kernel's lock, so it is gone when the daemon
 * is. For a few milliseconds and the thread that took it.
 */
final class RangeLock implements AutoCloseable {
  private static final Path FILE = Path.of("/run/podflare/range.lock");
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  /** A process does not lock itself out of a file. */
  private static final ReentrantLock HERE = new ReentrantLock();

  private final FileChannel file;

  private RangeLock(FileChannel file) {
    this.file = file;
  }

  /**
   * @throws PodflareException {@code host_not_ready} if others hold it for half a minute
   */
  static RangeLock take() {
    long end = System.nanoTime() + PATIENCE.toNanos();
    try {
      if (!HERE.tryLock(PATIENCE.toNanos(), TimeUnit.NANOSECONDS)) {
        throw held();
      }
      try {
        return new RangeLock(locked(end));
      } catch (IOException | RuntimeException e) {
        HERE.unlock();
        throw e;
      }
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.HOST_NOT_READY, "cannot lock " + FILE, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "interrupted", e);
    }
  }

  private static FileChannel locked(long end) throws IOException {
    Files.createDirectories(FILE.getParent());
    FileChannel file = FileChannel.open(FILE, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      while (file.tryLock() == null) {
        if (System.nanoTime() > end) {
          throw held();
        }
        LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(2));
      }
      return file;
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  private static PodflareException held() {
    return new PodflareException(
        ErrorCode.HOST_NOT_READY, "another daemon holds " + FILE + " for too long");
  }

  @Override
  public void close() {
    try {
      file.close();
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot release " + FILE, e);
    } finally {
      HERE.unlock();
    }
  }
}
