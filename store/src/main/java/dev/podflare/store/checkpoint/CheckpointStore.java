package dev.podflare.store.checkpoint;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.Ids;
import dev.podflare.common.PodflareException;
import java.security.SecureRandom;
import java.time.Clock;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.FutureTask;
import java.util.concurrent.Semaphore;

/**
 * Checkpoints of machines: sparse parts (memory, device state, disk layers) with attributes, under
 * an id. Equal pieces of all checkpoints are stored once, in chunks that are named by their
 * content; a manifest says which chunks make a checkpoint, and is written last. Several stores,
 * also of several hosts, may be open on the same objects. Thread-safe.
 *
 * <p>Every call may throw {@code STORE_UNAVAILABLE} (again later), {@code STORE_FULL}, {@code
 * STORE_DENIED}, and {@code SHUTTING_DOWN} when interrupted or closed.
 */
public final class CheckpointStore implements AutoCloseable {
  private static final SecureRandom RANDOM = new SecureRandom();

  private final StoreParts parts;
  private final StoreCipher cipher;
  private final boolean owner;

  private CheckpointStore(StoreParts parts, StoreCipher cipher, boolean owner) {
    this.parts = parts;
    this.cipher = cipher;
    this.owner = owner;
  }

  /**
   * Opens the store, making it if there is nothing. May throw {@code INVALID_CONFIG}: the key is
   * wrong, missing, or one too many. On success the store owns {@code blobs} and closes it.
   */
  public static CheckpointStore open(BlobStore blobs, CheckpointStoreConfig config) {
    return open(blobs, config, Clock.systemUTC());
  }

  static CheckpointStore open(BlobStore blobs, CheckpointStoreConfig config, Clock clock) {
    Workers workers = new Workers(config.threads());
    try {
      StoreCipher cipher = workers.call(() -> StoreDescription.open(blobs, config.key()));
      return new CheckpointStore(parts(blobs, cipher, config, clock, workers), cipher, true);
    } catch (RuntimeException failed) {
      workers.close();
      throw failed;
    }
  }

  private static StoreParts parts(
      BlobStore blobs,
      StoreCipher cipher,
      CheckpointStoreConfig config,
      Clock clock,
      Workers workers) {
    return new StoreParts(
        blobs,
        config,
        clock,
        workers,
        new Chunks(blobs, cipher, config, clock),
        new Manifests(blobs, cipher),
        new Semaphore(Math.clamp(config.bytesInFlight().bytes(), 0, Integer.MAX_VALUE)));
  }

  /**
   * The same checkpoints for large transfers in the background: with a few threads and bytes in
   * flight of its own, so that nobody waits behind it, and past the cache, whose place others need.
   * To be closed before this one; then what it was doing is broken off.
   */
  public CheckpointStore aside(int threads) {
    return new CheckpointStore(
        parts(
            parts.blobs().uncached(),
            cipher,
            parts.config().withThreads(threads),
            parts.clock(),
            new Workers(threads)),
        cipher,
        false);
  }

  /** Begins a checkpoint, which must be committed within a third of the configured grace. */
  public CheckpointWriter begin() {
    byte[] random = new byte[16];
    RANDOM.nextBytes(random);
    return new CheckpointWriter("chk_" + HexFormat.of().formatHex(random), parts);
  }

  /** May throw {@code CHECKPOINT_NOT_FOUND} and {@code CHECKPOINT_CORRUPT}. */
  public StoredCheckpoint read(String id) {
    if (!Ids.wellFormed("chk", id)) {
      throw notFound(id);
    }
    Optional<CheckpointManifest> manifest = parts.workers().call(() -> parts.manifests().load(id));
    return new StoredCheckpoint(manifest.orElseThrow(() -> notFound(id)), parts);
  }

  static PodflareException notFound(String id) {
    return new PodflareException(
        ErrorCode.CHECKPOINT_NOT_FOUND, "there is no checkpoint " + id, Map.of("checkpoint", id));
  }

  /** Of all checkpoints, also of those that cannot be read. */
  public List<String> ids() {
    return parts.workers().call(() -> parts.manifests().ids());
  }

  /**
   * Forgets a checkpoint; whether there was one. What only it had goes with {@link #collect}, so
   * whoever is reading it may be done before.
   */
  public boolean delete(String id) {
    return Ids.wellFormed("chk", id) && parts.workers().call(() -> parts.manifests().delete(id));
  }

  /**
   * Deletes chunks that no checkpoint has, once they are older than the configured grace. May run
   * beside everything else, and be killed; takes at least the configured settling time.
   */
  public GcReport collect() {
    FutureTask<GcReport> collection = new FutureTask<>(new GarbageCollector(parts)::collect);
    Thread.ofPlatform().daemon().name("checkpoint-collector").start(collection);
    return Workers.await(collection);
  }

  /** Counts what is stored, by listing it: slow where there is much. */
  public StoreUsage usage() {
    return parts.workers().call(() -> StoreUsage.of(parts.blobs()));
  }

  @Override
  public void close() {
    if (owner) {
      parts.workers().close();
      parts.blobs().close();
    } else {
      parts.workers().closeNow();
    }
  }
}
