package dev.podflare.store.checkpoint;

import java.util.List;

/**
 * What a store holds.
 *
 * @param bytes as stored, of chunks and manifests
 */
public record StoreUsage(long checkpoints, long chunks, long bytes) {
  private static final int PAGE = 1000;

  static StoreUsage of(BlobStore blobs) {
    return in(blobs, CheckpointManifest.FOLDER, true).plus(in(blobs, ChunkRef.FOLDER, false));
  }

  private StoreUsage plus(StoreUsage other) {
    return new StoreUsage(
        checkpoints + other.checkpoints, chunks + other.chunks, bytes + other.bytes);
  }

  private static StoreUsage in(BlobStore blobs, String folder, boolean manifests) {
    long count = 0;
    long bytes = 0;
    List<BlobInfo> page = blobs.list(folder, "", PAGE);
    while (!page.isEmpty()) {
      count += page.size();
      bytes += page.stream().mapToLong(BlobInfo::size).sum();
      page = blobs.list(folder, page.getLast().name(), PAGE);
    }
    return manifests ? new StoreUsage(count, 0, bytes) : new StoreUsage(0, count, bytes);
  }
}
