package dev.podflare.store.checkpoint;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A real back end on which time can be made to pass, for tests that cannot wait: its clock is ahead
 * of the host's, and what was put has the time that this clock had. Outlives the stores that are
 * opened on it. Thread-safe.
 */
final class AgedBlobs implements BlobStore {
  private final BlobStore blobs;
  private final Map<String, Duration> aheadAtPut = new ConcurrentHashMap<>();
  private volatile Duration ahead = Duration.ZERO;

  AgedBlobs(BlobStore blobs) {
    this.blobs = blobs;
  }

  synchronized void pass(Duration time) {
    ahead = ahead.plus(time);
  }

  /** For the stores that are opened on it. */
  Clock clock() {
    return new Clock() {
      @Override
      public Instant instant() {
        return Instant.now().plus(ahead);
      }

      @Override
      public ZoneId getZone() {
        return ZoneOffset.UTC;
      }

      @Override
      public Clock withZone(ZoneId zone) {
        return this;
      }
    };
  }

  private BlobInfo shifted(BlobInfo info) {
    Duration shift = aheadAtPut.getOrDefault(info.name(), Duration.ZERO);
    return new BlobInfo(info.name(), info.size(), info.lastModified().plus(shift));
  }

  @Override
  public void put(String name, byte[] bytes) {
    aheadAtPut.put(name, ahead);
    blobs.put(name, bytes);
  }

  @Override
  public boolean putIfAbsent(String name, byte[] bytes) {
    boolean put = blobs.putIfAbsent(name, bytes);
    if (put) {
      aheadAtPut.put(name, ahead);
    }
    return put;
  }

  @Override
  public void sync(Collection<String> names) {
    blobs.sync(names);
  }

  @Override
  public Optional<byte[]> get(String name, long offset, int length) {
    return blobs.get(name, offset, length);
  }

  @Override
  public Optional<BlobInfo> head(String name) {
    return blobs.head(name).map(this::shifted);
  }

  @Override
  public List<BlobInfo> list(String prefix, String after, int limit) {
    return blobs.list(prefix, after, limit).stream().map(this::shifted).toList();
  }

  @Override
  public void delete(String name) {
    blobs.delete(name);
  }

  @Override
  public void distrust(String name) {
    blobs.distrust(name);
  }

  @Override
  public void tidy() {
    blobs.tidy();
  }

  /** The next store goes on with it. */
  @Override
  public void close() {}

  void end() {
    blobs.close();
  }
}
