package dev.podflare.store.checkpoint;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/**
 * Reads a part: chunks are fetched, verified and unpacked side by side on the store's threads, and
 * given away in their order on the caller's. One thread.
 */
final class PartReader {
  private static final ByteBuffer ZEROS =
      ByteBuffer.allocateDirect(Window.MAX_DATA).asReadOnlyBuffer();
  private static final byte[] NO_DATA = new byte[0];

  private record Fetch(Window window, Future<byte[]> data) {}

  private final StoreParts store;
  private final String checkpoint;
  private final String part;
  private final List<Window> windows;
  private final Deque<Fetch> ahead = new ArrayDeque<>();

  PartReader(StoreParts store, String checkpoint, String part, List<Window> windows) {
    this.store = store;
    this.checkpoint = checkpoint;
    this.part = part;
    this.windows = windows;
  }

  /** Index of the first window that ends after {@code offset}. */
  static int firstAfter(List<Window> windows, long offset) {
    int low = 0;
    int high = windows.size();
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (windows.get(middle).end() <= offset) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  void read(PartRange range, RunSink sink) {
    int next = firstAfter(windows, range.offset());
    long fetchesAhead = store.config().bytesInFlight().bytes() / Window.MAX_DATA;
    try {
      while (true) {
        while (ahead.size() < fetchesAhead
            && next < windows.size()
            && windows.get(next).offset() < range.end()) {
          ahead.add(fetch(windows.get(next)));
          next++;
        }
        Fetch first = ahead.poll();
        if (first == null) {
          return;
        }
        deliver(first.window(), Workers.await(first.data()), range, sink);
      }
    } finally {
      ahead.forEach(fetch -> fetch.data().cancel(false));
    }
  }

  private Fetch fetch(Window window) {
    Future<byte[]> data =
        window
            .chunk()
            .map(chunk -> store.workers().submit(() -> load(window, chunk)))
            .orElseGet(() -> CompletableFuture.completedFuture(NO_DATA));
    return new Fetch(window, data);
  }

  private byte[] load(Window window, ChunkRef chunk) {
    try {
      return store
          .chunks()
          .load(chunk, window.dataBytes())
          .orElseThrow(() -> missing(window, chunk));
    } catch (DamagedException e) {
      throw corrupt(window, chunk, "is damaged: " + e.getMessage(), e);
    }
  }

  /** Chunks of a checkpoint that was deleted may be gone: that is no damage. */
  private PodflareException missing(Window window, ChunkRef chunk) {
    return store.manifests().exists(checkpoint)
        ? corrupt(window, chunk, "is missing", null)
        : CheckpointStore.notFound(checkpoint);
  }

  private PodflareException corrupt(
      Window window, ChunkRef chunk, String how, @Nullable Throwable cause) {
    long offset = window.runs().getFirst().offset();
    long length = window.runs().getLast().end() - offset;
    return new PodflareException(
        ErrorCode.CHECKPOINT_CORRUPT,
        "checkpoint %s has lost bytes %d to %d of part '%s': chunk %s %s"
            .formatted(checkpoint, offset, offset + length, part, chunk.name(), how),
        Map.of(
            "checkpoint", checkpoint,
            "part", part,
            "offset", offset,
            "length", length,
            "chunk", chunk.id()),
        cause);
  }

  private static void deliver(Window window, byte[] data, PartRange range, RunSink sink) {
    ByteBuffer bytes = ByteBuffer.wrap(data).asReadOnlyBuffer();
    int position = 0;
    for (Run run : window.runs()) {
      long from = Math.max(run.offset(), range.offset());
      long to = Math.min(run.end(), range.end());
      if (from < to && run.zero()) {
        deliverZeros(from, to, sink);
      } else if (from < to) {
        int start = position + (int) (from - run.offset());
        sink.accept(from, bytes.slice(start, (int) (to - from)));
      }
      position += run.zero() ? 0 : (int) run.length();
    }
  }

  private static void deliverZeros(long from, long to, RunSink sink) {
    for (long offset = from; offset < to; offset += ZEROS.capacity()) {
      int length = (int) Math.min(ZEROS.capacity(), to - offset);
      sink.accept(offset, ZEROS.slice(0, length));
    }
  }
}
