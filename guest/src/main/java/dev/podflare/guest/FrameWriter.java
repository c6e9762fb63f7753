package dev.podflare.guest;

import dev.podflare.common.AwakeTime;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Puts frames on the stream, whole and one after another. While it is held nothing but the two
 * frames that end a barrier goes through; others wait. Thread-safe.
 */
final class FrameWriter {
  private static final Duration HELD_PATIENCE = Duration.ofSeconds(30);

  private final WritableByteChannel target;

  /** Fair: who sends much must not keep others from sending little. */
  private final ReentrantLock lock = new ReentrantLock(true);

  private final Condition released = lock.newCondition();
  private final ByteBuffer small = ByteBuffer.allocateDirect(4096);
  private final Deque<Frame> deferred = new ArrayDeque<>();
  private boolean held;
  private boolean closed;
  private volatile long writingSince;

  FrameWriter(WritableByteChannel target) {
    this.target = target;
  }

  /** Sends when the barrier allows it. */
  void send(byte type, long id, byte[] payload) throws IOException, InterruptedException {
    lock.lockInterruptibly();
    try {
      awaitRelease();
      write(type, id, payload);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Sends now, or at the end of the barrier; does not wait for it. The caller bounds how many such
   * frames there can be.
   */
  void sendOrDefer(byte type, long id, byte[] payload) throws IOException {
    lock.lock();
    try {
      if (held) {
        deferred.add(new Frame(type, id, payload));
      } else {
        write(type, id, payload);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Sends a barrier's beginning; later frames wait for its end. */
  void hold(byte type) throws IOException {
    lock.lock();
    try {
      held = true;
      write(type, 0, new byte[0]);
    } finally {
      lock.unlock();
    }
  }

  /** Sends what ends a barrier, and lets waiting frames go. */
  void release(byte type, byte[] payload) throws IOException {
    lock.lock();
    try {
      write(type, 0, payload);
      held = false;
      for (Frame frame = deferred.poll(); frame != null; frame = deferred.poll()) {
        write(frame.type(), frame.id(), frame.payload());
      }
      released.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Wakes those who wait. */
  void close() {
    lock.lock();
    try {
      closed = true;
      released.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Whether one write has taken longer than that: the guest does not read. */
  boolean stuckFor(Duration patience) {
    long since = writingSince;
    return since != 0 && AwakeTime.nanos() - since > patience.toNanos();
  }

  private void awaitRelease() throws InterruptedException {
    long end = AwakeTime.nanos() + HELD_PATIENCE.toNanos();
    while (held && !closed) {
      long left = end - AwakeTime.nanos();
      if (left <= 0) {
        throw new PodflareException(
            ErrorCode.TIMED_OUT,
            "the machine is held for a checkpoint since " + HELD_PATIENCE.toSeconds() + " s");
      }
      long _ = released.awaitNanos(left);
    }
  }

  private void write(byte type, long id, byte[] payload) throws IOException {
    // An interrupt that is pending would close the channel instead of interrupting its caller.
    boolean interrupted = Thread.interrupted();
    long now = AwakeTime.nanos();
    writingSince = now == 0 ? 1 : now;
    try {
      int size = 4 + Frame.HEAD + payload.length;
      ByteBuffer buffer = size <= small.capacity() ? small.clear() : ByteBuffer.allocate(size);
      buffer.putInt(Frame.HEAD + payload.length).put(type).putInt((int) id).put(payload).flip();
      while (buffer.hasRemaining()) {
        target.write(buffer);
      }
    } finally {
      writingSince = 0;
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
