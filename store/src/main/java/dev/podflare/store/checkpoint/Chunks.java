package dev.podflare.store.checkpoint;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;

/**
 * The chunks of a store. One with the same bytes is stored once, whoever brings it: names are
 * digests of contents, and writers of one process wait for each other. The rules of {@link
 * GarbageCollector} for writers are kept here. Thread-safe.
 */
final class Chunks {
  private static final int PUTS = 5;

  /**
   * A chunk that is in the store.
   *
   * @param addedBytes what was stored for it just now; 0 if it was there
   */
  record Stored(ChunkRef ref, long addedBytes) {}

  private final BlobStore blobs;
  private final StoreCipher cipher;
  private final Envelope envelope;
  private final Condemned condemned;
  private final Duration fresh;
  private final Clock clock;
  private final KnownChunks known = new KnownChunks();
  private final ConcurrentMap<String, CompletableFuture<Stored>> inFlight =
      new ConcurrentHashMap<>();
  private final Set<String> damaged = ConcurrentHashMap.newKeySet();

  Chunks(BlobStore blobs, StoreCipher cipher, CheckpointStoreConfig config, Clock clock) {
    this.blobs = blobs;
    this.cipher = cipher;
    this.envelope = new Envelope(cipher);
    this.condemned = new Condemned(blobs, config.settle());
    this.fresh = config.grace().dividedBy(3);
    this.clock = clock;
  }

  Condemned condemned() {
    return condemned;
  }

  /** Puts the chunk into the store if it is not there; not durable before a sync of its name. */
  Stored store(byte[] plain) {
    String id = HexFormat.of().formatHex(cipher.digest(plain));
    CompletableFuture<Stored> mine = new CompletableFuture<>();
    CompletableFuture<Stored> other = inFlight.putIfAbsent(id, mine);
    if (other != null) {
      return new Stored(join(other).ref(), 0);
    }
    try {
      Stored stored = storeAlone(id, plain);
      mine.complete(stored);
      return stored;
    } catch (RuntimeException | Error failed) {
      mine.completeExceptionally(failed);
      throw failed;
    } finally {
      inFlight.remove(id, mine);
    }
  }

  /** Never for long: the other is being stored by a running thread. */
  private static Stored join(CompletableFuture<Stored> other) {
    try {
      return other.join();
    } catch (CompletionException e) {
      throw e.getCause() instanceof PodflareException coded ? coded : e;
    }
  }

  private Stored storeAlone(String id, byte[] plain) {
    Instant freshSince = clock.instant().minus(fresh);
    Optional<ChunkRef> ready = known.since(id, freshSince);
    if (ready.isPresent()) {
      return new Stored(ready.get(), 0);
    }
    ChunkRef ref = new ChunkRef(id, 0);
    Optional<BlobInfo> there = damaged.contains(id) ? Optional.empty() : blobs.head(ref.name());
    if (there.isPresent() && there.get().lastModified().isAfter(freshSince)) {
      known.add(ref, there.get().lastModified());
      return new Stored(ref, 0);
    }
    return put(ref, plain, there.isPresent());
  }

  private Stored put(ChunkRef ref, byte[] plain, boolean there) {
    for (int i = 0; i < PUTS; i++) {
      Condemned.Snapshot snapshot = condemned.current();
      boolean mayReuseName = !snapshot.has(ref.name());
      ChunkRef target = mayReuseName ? ref : new ChunkRef(ref.id(), variant());
      Instant before = clock.instant();
      byte[] object = envelope.seal(Envelope.Kind.CHUNK, target.name(), plain);
      blobs.put(target.name(), object);
      if (!mayReuseName || condemned.inTime(snapshot)) {
        known.add(target, before);
        damaged.remove(ref.id());
        return new Stored(target, there && mayReuseName ? 0 : object.length);
      }
    }
    throw new PodflareException(
        ErrorCode.STORE_UNAVAILABLE, "the checkpoint store is too slow to be written safely");
  }

  private static int variant() {
    return ThreadLocalRandom.current().nextInt(1, Integer.MAX_VALUE);
  }

  /**
   * Makes chunks durable. Their folders are synced side by side: each alone is a wait for the disk,
   * but it answers those that wait together at once.
   */
  void sync(Set<ChunkRef> refs, Workers workers) {
    Map<String, List<String>> byFolder =
        refs.stream()
            .map(ChunkRef::name)
            .collect(Collectors.groupingBy(name -> name.substring(0, name.lastIndexOf('/'))));
    List<Future<Boolean>> syncs = new ArrayList<>();
    for (List<String> names : byFolder.values()) {
      syncs.add(
          workers.submit(() -> {
            blobs.sync(names);
            return true;
          }));
    }
    syncs.forEach(Workers::await);
  }

  /**
   * The plain bytes, verified; empty when there is no such chunk.
   *
   * @param length that they must have
   */
  Optional<byte[]> load(ChunkRef ref, int length) throws DamagedException {
    try {
      return loadOnce(ref, length);
    } catch (DamagedException perhapsOnItsWay) {
      blobs.distrust(ref.name());
    }
    try {
      return loadOnce(ref, length);
    } catch (DamagedException lost) {
      known.remove(ref.id());
      damaged.add(ref.id()); // whoever brings the same bytes heals it
      throw lost;
    }
  }

  private Optional<byte[]> loadOnce(ChunkRef ref, int length) throws DamagedException {
    int limit = length + Envelope.OVERHEAD;
    Optional<byte[]> object = blobs.get(ref.name(), 0, limit + 1);
    if (object.isEmpty()) {
      known.remove(ref.id());
      return Optional.empty();
    }
    byte[] plain = envelope.open(Envelope.Kind.CHUNK, ref.name(), object.get(), length);
    if (plain.length != length) {
      throw new DamagedException("it has " + plain.length + " bytes instead of " + length);
    }
    if (!MessageDigest.isEqual(cipher.digest(plain), HexFormat.of().parseHex(ref.id()))) {
      throw new DamagedException("its digest does not fit");
    }
    return Optional.of(plain);
  }
}
