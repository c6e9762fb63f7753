package dev.podflare.server;

import dev.podflare.common.DataSize;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.util.concurrent.Semaphore;

/**
 * Memory that all request bodies together may take, so that many large ones cannot eat the heap.
 * Thread-safe.
 */
final class BodyBudget {
  private static final int UNIT = 1024;

  private final Semaphore units;

  BodyBudget(DataSize total) {
    this.units = new Semaphore(Math.toIntExact(Math.min(total.bytes() / UNIT, 1 << 30)));
  }

  /**
   * An eighth of the heap, but room for one largest body: while it is parsed, a body is in memory
   * as bytes, as characters and as text, about five times its size.
   */
  static BodyBudget forHeap(DataSize largestBody) {
    return new BodyBudget(
        new DataSize(Math.max(largestBody.bytes(), Runtime.getRuntime().maxMemory() / 8)));
  }

  Share share() {
    return new Share();
  }

  /** What one request holds. One thread at a time. */
  final class Share implements AutoCloseable {
    private int held;

    /** Makes the share hold at least this many bytes, or refuses with {@code HOST_FULL}. */
    void growTo(long bytes) {
      int wanted = Math.toIntExact((bytes + UNIT - 1) / UNIT);
      if (wanted > held) {
        if (!units.tryAcquire(wanted - held)) {
          throw new PodflareException(
              ErrorCode.HOST_FULL, "too many large requests are being received at once");
        }
        held = wanted;
      }
    }

    @Override
    public void close() {
      units.release(held);
      held = 0;
    }
  }
}
