package dev.podflare.linux;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Supplier;

/**
 * Numbers of file descriptors that {@code select} can wait for: below 1024. libnftables uses it,
 * and the C library ends a process that tries it with a higher one ("bit out of range 0 -
 * FD_SETSIZE on fd_set"). A daemon has a few descriptors for each of its sandboxes and so, with
 * some hundred of these, no low one left; therefore some are kept, from the first use on.
 * Thread-safe.
 */
final class LowDescriptors {
  private static final int LIMIT = 1024;
  private static final int KEPT = 64;

  /** So many that other threads, which take some in the same moment, do not take them all. */
  private static final int MARGIN = 32;

  private static final int F_DUPFD_CLOEXEC = 1030;
  private static final int O_RDWR_CLOEXEC = 02000002;

  private static final class Holder {
    private static final LowDescriptors INSTANCE = new LowDescriptors();
  }

  private final int spare = Libc.open("/dev/null", O_RDWR_CLOEXEC);
  private final Deque<Integer> kept = new ArrayDeque<>();

  private LowDescriptors() {
    keep();
  }

  static LowDescriptors get() {
    return Holder.INSTANCE;
  }

  /**
   * Runs what opens a descriptor, which then has a low number.
   *
   * @throws PodflareException {@code host_full} if there is none
   */
  synchronized <T> T opening(Supplier<T> opener) {
    try {
      if (lowestFree() >= LIMIT - MARGIN) {
        release();
      }
      return opener.get();
    } finally {
      keep();
    }
  }

  private int lowestFree() {
    int fd = copy();
    Libc.close(fd);
    return fd;
  }

  private void release() {
    while (!kept.isEmpty()) {
      Libc.close(kept.pop());
    }
    if (lowestFree() >= LIMIT) {
      throw new PodflareException(
          ErrorCode.HOST_FULL, "no file descriptor below " + LIMIT + " is left to this process");
    }
  }

  private void keep() {
    while (kept.size() < KEPT) {
      int fd = copy();
      if (fd >= LIMIT) {
        Libc.close(fd);
        return;
      }
      kept.push(fd);
    }
  }

  /** Of the spare one, with the lowest number that is free. */
  private int copy() {
    return Libc.fcntl(spare, F_DUPFD_CLOEXEC, 0);
  }
}
