package dev.podflare.store.checkpoint;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;

/** One part of a checkpoint that is being written. One at a time. */
final class PartWriter {
  private static final long MAX_SIZE = 1L << 60;

  private final String name;
  private final List<Future<Window>> windows = new ArrayList<>();
  private final WindowCutter cutter;
  private long size = -1;

  PartWriter(String name, ChunkQueue queue) {
    this.name = name;
    this.cutter = new WindowCutter((window, data) -> windows.add(queue.add(window, data)));
  }

  void write(long offset, ByteBuffer bytes) {
    long limit = size < 0 ? MAX_SIZE : size;
    if (offset < cutter.end() || offset > limit - bytes.remaining()) {
      throw new IllegalArgumentException(
          "%d bytes at %d of part '%s' are not between its last write's end, %d, and %d"
              .formatted(bytes.remaining(), offset, name, cutter.end(), limit));
    }
    cutter.write(offset, bytes);
  }

  void size(long bytes) {
    if (bytes < cutter.end() || bytes > MAX_SIZE) {
      throw new IllegalArgumentException(
          "part '%s' cannot have a size of %d: it was written up to %d"
              .formatted(name, bytes, cutter.end()));
    }
    size = bytes;
  }

  /** Hands over the last chunk. */
  void finish() {
    cutter.finish();
  }

  /** Waits until all its chunks are stored. */
  CheckpointManifest.Part result() {
    List<Window> stored = windows.stream().map(Workers::await).toList();
    return new CheckpointManifest.Part(Math.max(size, cutter.end()), cutter.ownBytes(), stored);
  }
}
