package dev.podflare.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Lets threads, virtual ones too, wait until a descriptor that is not Java's own can be read or
 * written: one thread with one epoll for all of them. Thread-safe.
 */
final class Readiness {
  static final int IN = 1;
  static final int OUT = 4;
  private static final int EDGE = 1 << 31;
  private static final int ADD = 1;
  private static final int DELETE = 2;
  private static final int CLOEXEC = 02000000;
  private static final int EVENTS = 64;

  /** The kernel packs the two fields on x86-64: four bytes of flags, then eight of ours. */
  private static final long EVENT = 12;

  private static final ValueLayout.OfLong TOKEN = ValueLayout.JAVA_LONG_UNALIGNED;

  private static final int EPOLL = Libc.epollCreate(CLOEXEC);
  private static final AtomicLong TOKENS = new AtomicLong();
  private static final Map<Long, Readiness> WATCHED = new ConcurrentHashMap<>();

  static {
    Thread.ofPlatform().daemon().name("pipe-readiness").start(Readiness::watch);
  }

  private final int fd;
  private final long token = TOKENS.incrementAndGet();
  private volatile @Nullable Thread waiter;
  private volatile boolean ready;
  private volatile boolean closed;

  private Readiness(int fd) {
    this.fd = fd;
  }

  /** Watches a descriptor from now on, for {@link #IN} or {@link #OUT}, until {@link #close}. */
  static Readiness of(int fd, int direction) {
    Readiness readiness = new Readiness(fd);
    WATCHED.put(readiness.token, readiness);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment event =
          arena.allocate(MemoryLayout.sequenceLayout(EVENT, ValueLayout.JAVA_BYTE));
      event.set(JAVA_INT, 0, direction | EDGE);
      event.set(TOKEN, 4, readiness.token);
      Libc.epollCtl(EPOLL, ADD, fd, event);
    } catch (RuntimeException e) {
      WATCHED.remove(readiness.token);
      throw e;
    }
    return readiness;
  }

  /**
   * Waits until something has changed since the last call: then it is worth a try. One thread at a
   * time. An interrupt does not end it.
   *
   * @return false if it took longer than {@code patience} or was closed
   */
  boolean await(Duration patience) {
    long end = System.nanoTime() + patience.toNanos();
    boolean interrupted = false;
    waiter = Thread.currentThread();
    try {
      while (!ready && !closed) {
        long left = end - System.nanoTime();
        if (left <= 0) {
          return false;
        }
        LockSupport.parkNanos(this, left);
        interrupted |= Thread.interrupted();
      }
      ready = false;
      return !closed;
    } finally {
      waiter = null;
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Ends all waiting. To be called before the descriptor is closed. */
  void close() {
    if (WATCHED.remove(token) != null) {
      Libc.epollCtl(EPOLL, DELETE, fd, MemorySegment.NULL);
    }
    closed = true;
    wake();
  }

  private void wake() {
    Thread waiting = waiter;
    if (waiting != null) {
      LockSupport.unpark(waiting);
    }
  }

  private static void watch() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment events = arena.allocate(EVENT * EVENTS, 8);
      while (true) {
        int count = Libc.epollWait(EPOLL, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
          Readiness readiness = WATCHED.get(events.get(TOKEN, i * EVENT + 4));
          if (readiness != null) {
            readiness.ready = true;
            readiness.wake();
          }
        }
      }
    }
  }
}
