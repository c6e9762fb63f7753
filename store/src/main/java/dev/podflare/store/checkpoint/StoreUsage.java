package dev.podflare.store.checkpoint;

import java.util.LongSummaryStatistics;

/**
 * What a store holds.
 *
 * @param bytes as stored, of chunks and manifests
 */
public record StoreUsage(long checkpoints, long chunks, long bytes) {
  static StoreUsage of(BlobStore blobs) {
    return in(blobs, CheckpointManifest.FOLDER, true).plus(in(blobs, ChunkRef.FOLDER, false));
  }

  private StoreUsage plus(StoreUsage other) {
    return new StoreUsage(
        checkpoints + other.checkpoints, chunks + other.chunks, bytes + other.bytes);
  }

  private static StoreUsage in(BlobStore blobs, String folder, boolean manifests) {
    LongSummaryStatistics sizes = new LongSummaryStatistics();
    blobs.all(folder, info -> sizes.accept(info.size()));
    return manifests
        ? new StoreUsage(sizes.getCount(), 0, sizes.getSum())
        : new StoreUsage(0, sizes.getCount(), sizes.getSum());
  }
}
