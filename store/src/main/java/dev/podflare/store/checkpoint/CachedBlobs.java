package dev.podflare.store.checkpoint;

import dev.podflare.common.DataSize;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/**
 * Another back end with a folder in front of it that keeps the chunks that were last read and
 * written. Only chunks: they never change under their name, so a copy cannot be out of date. The
 * folder may be lost, damaged or full at any time; then the original is asked. Thread-safe.
 */
public final class CachedBlobs implements BlobStore {
  private final BlobStore original;
  private final BlobCache cache;

  private CachedBlobs(BlobStore original, BlobCache cache) {
    this.original = original;
    this.cache = cache;
  }

  /**
   * Opens the cache with what is in it. It owns {@code original}, and must have the folder alone.
   *
   * @param limit bytes of all files; what was not used for longest goes first
   */
  public static CachedBlobs open(BlobStore original, Path folder, DataSize limit) {
    return new CachedBlobs(original, BlobCache.open(folder, limit.bytes()));
  }

  private static boolean cacheable(String name) {
    return name.startsWith(ChunkRef.FOLDER);
  }

  @Override
  public void put(String name, byte[] bytes) {
    original.put(name, bytes);
    if (cacheable(name)) {
      cache.put(name, bytes);
    }
  }

  @Override
  public boolean putIfAbsent(String name, byte[] bytes) {
    return original.putIfAbsent(name, bytes);
  }

  @Override
  public void sync(Collection<String> names) {
    original.sync(names);
  }

  @Override
  public Optional<byte[]> get(String name, long offset, int length) {
    if (!cacheable(name) || offset != 0) {
      return original.get(name, offset, length);
    }
    Optional<byte[]> copy = cache.get(BlobNames.checked(name), length);
    if (copy.isPresent()) {
      return copy;
    }
    Optional<byte[]> bytes = original.get(name, 0, length);
    bytes
        .filter(it -> it.length < length) // so it is whole
        .ifPresent(it -> cache.put(name, it));
    return bytes;
  }

  @Override
  public Optional<BlobInfo> head(String name) {
    return original.head(name);
  }

  @Override
  public List<BlobInfo> list(String prefix, String after, int limit) {
    return original.list(prefix, after, limit);
  }

  @Override
  public void delete(String name) {
    try {
      original.delete(name);
    } finally {
      cache.remove(name);
    }
  }

  @Override
  public void distrust(String name) {
    cache.remove(name);
    original.distrust(name);
  }

  @Override
  public BlobStore uncached() {
    return original;
  }

  @Override
  public void tidy() {
    original.tidy();
  }

  @Override
  public void close() {
    original.close();
  }

  @Override
  public String toString() {
    return original.toString();
  }
}
