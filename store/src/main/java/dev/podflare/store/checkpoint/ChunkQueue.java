package dev.podflare.store.checkpoint;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * The chunks of one writer on their way into the store. Takes no more after one has failed.
 * Thread-safe.
 */
final class ChunkQueue {
  private final Workers workers;
  private final Chunks chunks;
  private final Semaphore inFlight;
  private final AtomicLong addedBytes = new AtomicLong();
  private final AtomicReference<@Nullable RuntimeException> failure = new AtomicReference<>();
  private volatile boolean abandoned;

  ChunkQueue(StoreParts store) {
    this.workers = store.workers();
    this.chunks = store.chunks();
    this.inFlight = store.inFlight();
  }

  /** Gives the window with its chunk, once that is stored. Waits while too much is on its way. */
  Future<Window> add(Window window, byte[] data) {
    requireNoFailure();
    if (data.length == 0) {
      return CompletableFuture.completedFuture(window);
    }
    acquire(data.length);
    try {
      return workers.submit(() -> store(window, data));
    } catch (RuntimeException refused) {
      inFlight.release(data.length);
      throw refused;
    }
  }

  private Window store(Window window, byte[] data) {
    try {
      requireNoFailure();
      if (abandoned) {
        throw new IllegalStateException("closed");
      }
      Chunks.Stored stored = chunks.store(data);
      addedBytes.addAndGet(stored.addedBytes());
      return window.withChunk(stored.ref());
    } catch (RuntimeException failed) {
      failure.compareAndSet(null, failed);
      throw failed;
    } finally {
      inFlight.release(data.length);
    }
  }

  private void acquire(int bytes) {
    try {
      inFlight.acquire(bytes);
    } catch (InterruptedException e) {
      throw Workers.interrupted(e);
    }
  }

  private void requireNoFailure() {
    RuntimeException failed = failure.get();
    if (failed != null) {
      throw failed;
    }
  }

  long addedBytes() {
    return addedBytes.get();
  }

  /** What has not been begun will not be. */
  void abandon() {
    abandoned = true;
  }
}
