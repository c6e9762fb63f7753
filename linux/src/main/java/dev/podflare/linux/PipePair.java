package dev.podflare.linux;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.ByteChannel;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Two named pipes, one each way, to a process that keeps both open: what is in them outlives
 * whoever is at this end, who may be another process later. What comes in is kept in a log: at each
 * moment a byte is either in the pipe or there, whenever this process is killed, and a later one
 * can read it again. Blocks virtual threads only, not their carriers. Thread-safe: one reader and
 * one writer at a time.
 */
public final class PipePair implements ByteChannel {
  private static final int O_WRONLY = 1;
  private static final int O_RDWR = 2;
  private static final int O_CREAT = 0100;
  private static final int O_NONBLOCK = 04000;
  private static final int O_NOFOLLOW = 0400000;
  private static final int O_CLOEXEC = 02000000;
  private static final int F_SETPIPE_SZ = 1031;
  private static final int SEEK_END = 2;
  private static final int SPLICE_F_NONBLOCK = 2;
  private static final int KEEP_SIZE = 1;
  private static final int PUNCH_HOLE = 2;
  private static final long BLOCK = 4096;
  private static final int TYPE = 0170000;
  private static final int PIPE = 0010000;

  /** So large that a frame of code fits in without a wait. */
  private static final int CAPACITY = 256 << 10;

  /** Nothing depends on it: a change always wakes who waits. */
  private static final Duration LOOK_AGAIN = Duration.ofSeconds(60);

  /** How long a full disk is given before the log is tried again; the other process waits. */
  private static final Duration FULL = Duration.ofMillis(500);

  private final End read;
  private final End write;
  private final int log;
  private long position;
  private long end;
  private volatile boolean closed;

  private PipePair(End read, End write, int log, long position, long end) {
    this.read = read;
    this.write = write;
    this.log = log;
    this.position = position;
    this.end = end;
  }

  /** Makes a named pipe that only its owner may open. */
  public static void create(Path path) {
    Libc.mkfifo(path.toString(), 0600);
  }

  /**
   * Opens this end. The other process must have opened its end before.
   *
   * @param from what is read; its end is told when the other process is gone
   * @param to what is written
   * @param log of all that was ever read from that pipe; made if it is missing
   * @param position the byte of it to begin with, 0 for the first
   * @throws PodflareException {@code machine_failed} if one is no pipe or has no other end, or the
   *     log is shorter
   */
  public static PipePair connect(Path from, Path to, Path log, long position) {
    End read = open(from, 0, Readiness.IN);
    try {
      End write = open(to, O_WRONLY, Readiness.OUT);
      try {
        return connect(read, write, log, position);
      } catch (RuntimeException e) {
        write.close();
        throw e;
      }
    } catch (RuntimeException e) {
      read.close();
      throw e;
    }
  }

  private static PipePair connect(End read, End write, Path log, long position) {
    int fd = Libc.open(log.toString(), O_RDWR | O_CREAT | O_CLOEXEC);
    long end = Libc.lseek(fd, 0, SEEK_END);
    if (position < 0 || position > end) {
      Libc.close(fd);
      throw new PodflareException(
          ErrorCode.MACHINE_FAILED, log + " ends at " + end + ", before " + position);
    }
    return new PipePair(read, write, fd, position, end);
  }

  private static End open(Path path, int access, int direction) {
    int fd;
    try {
      fd = Libc.open(path.toString(), access | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    } catch (PodflareException e) {
      throw new PodflareException(ErrorCode.MACHINE_FAILED, "cannot open " + path, e);
    }
    try {
      Object mode = Files.getAttribute(Path.of("/proc/self/fd", Integer.toString(fd)), "unix:mode");
      if (((int) mode & TYPE) != PIPE) {
        throw new PodflareException(ErrorCode.MACHINE_FAILED, path + " is no pipe");
      }
      widen(fd);
      return new End(fd, Readiness.of(fd, direction));
    } catch (IOException e) {
      Libc.close(fd);
      throw new PodflareException(ErrorCode.MACHINE_FAILED, "cannot look at " + path, e);
    } catch (RuntimeException e) {
      Libc.close(fd);
      throw e;
    }
  }

  /** Where pipes are limited to less, a large frame takes some more steps. */
  private static void widen(int fd) {
    try {
      int ignored = Libc.fcntl(fd, F_SETPIPE_SZ, CAPACITY);
    } catch (PodflareException limited) {
      // As it is, then.
    }
  }

  /** One descriptor, not used any more once it is closed. */
  private static final class End {
    private final int fd;
    private final Readiness readiness;
    private final ReentrantLock lock = new ReentrantLock();
    private boolean closed;

    End(int fd, Readiness readiness) {
      this.fd = fd;
      this.readiness = readiness;
    }

    interface Step {
      long run(int fd);
    }

    /** Bytes moved; waits while there are none to be moved. */
    long move(Step step) throws ClosedChannelException {
      while (true) {
        long moved = attempt(step);
        if (moved >= 0) {
          return moved;
        }
        readiness.await(LOOK_AGAIN);
      }
    }

    /** Negative: nothing can be moved now. */
    long attempt(Step step) throws ClosedChannelException {
      lock.lock();
      try {
        if (closed) {
          throw new AsynchronousCloseException();
        }
        return step.run(fd);
      } finally {
        lock.unlock();
      }
    }

    void close() {
      close(() -> {});
    }

    /** {@code last} is done once nobody uses the descriptor any more. */
    void close(Runnable last) {
      lock.lock();
      try {
        if (!closed) {
          closed = true;
          readiness.close();
          Libc.close(fd);
          last.run();
        }
      } finally {
        lock.unlock();
      }
    }
  }

  @Override
  public int read(ByteBuffer target) throws IOException {
    if (!target.hasRemaining()) {
      return 0;
    }
    while (position == end) {
      long moved = transfer(read, this::keep);
      if (moved == 0) {
        return -1;
      }
      end += moved > 0 ? moved : 0;
    }
    try (Arena arena = Arena.ofConfined()) {
      long most = Math.min(target.remaining(), end - position);
      MemorySegment into =
          target.isDirect()
              ? MemorySegment.ofBuffer(target).asSlice(0, most)
              : arena.allocate(most);
      int count = (int) attempt(read, _ -> Libc.pread(log, into, position));
      if (count <= 0) {
        throw new IOException("the log of what was read was cut short");
      }
      if (target.isDirect()) {
        target.position(target.position() + count);
      } else {
        target.put(into.asSlice(0, count).asByteBuffer());
      }
      position += count;
      return count;
    }
  }

  /** While the disk is full, what comes waits in the pipe. */
  private long keep(int pipe) {
    while (true) {
      try {
        return Libc.splice(pipe, log, CAPACITY, SPLICE_F_NONBLOCK);
      } catch (PodflareException e) {
        if (!Libc.failedWith(e, Libc.ENOSPC) || closed) {
          throw e;
        }
        LockSupport.parkNanos(FULL.toNanos());
      }
    }
  }

  @Override
  public int write(ByteBuffer source) throws IOException {
    if (!source.hasRemaining()) {
      return 0;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment from = MemorySegment.ofBuffer(source);
      MemorySegment bytes =
          source.isDirect() ? from : arena.allocate(source.remaining()).copyFrom(from);
      int count = (int) transfer(write, fd -> Libc.write(fd, bytes));
      source.position(source.position() + count);
      return count;
    }
  }

  private static long transfer(End end, End.Step step) throws IOException {
    try {
      return end.move(step);
    } catch (PodflareException e) {
      throw new IOException(e.sentence(), e);
    }
  }

  private static long attempt(End end, End.Step step) throws IOException {
    try {
      return end.attempt(step);
    } catch (PodflareException e) {
      throw new IOException(e.sentence(), e);
    }
  }

  /**
   * Gives the space of a log's beginning back: it will not be asked for any more.
   *
   * @param before bytes; the part of a block at the end stays
   */
  public static void forget(Path log, long before) {
    long whole = before / BLOCK * BLOCK;
    if (whole > 0) {
      int fd = Libc.open(log.toString(), O_RDWR | O_CLOEXEC);
      try {
        Libc.fallocate(fd, KEEP_SIZE | PUNCH_HOLE, 0, whole);
      } finally {
        Libc.close(fd);
      }
    }
  }

  @Override
  public boolean isOpen() {
    return !closed;
  }

  /** The pipes and the log stay, with what is in them. */
  @Override
  public void close() {
    closed = true;
    read.close(() -> Libc.close(log));
    write.close();
  }
}
