package dev.podflare.store.checkpoint;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Writes one checkpoint. Chunks go to the store while parts are written; the checkpoint is there
 * when {@link #commit} returns and not before. One at a time, on any thread.
 *
 * <p>Calls may throw {@code STORE_UNAVAILABLE}, {@code STORE_FULL} and {@code STORE_DENIED}; then
 * nothing of the checkpoint is promised, and the writer can only be closed.
 */
public final class CheckpointWriter implements AutoCloseable {
  private enum State {
    OPEN,
    COMMITTED,
    CLOSED
  }

  private final String id;
  private final StoreParts store;
  private final Map<String, PartWriter> parts = new LinkedHashMap<>();
  private final ChunkQueue queue;
  private final long begunAt = System.nanoTime();
  private final Instant begun;
  private State state = State.OPEN;

  CheckpointWriter(String id, StoreParts store) {
    this.id = id;
    this.store = store;
    this.queue = new ChunkQueue(store);
    this.begun = store.clock().instant();
  }

  /** {@code chk_} and 32 lower-case hex digits. */
  public String id() {
    return id;
  }

  /**
   * Adds bytes to a part, which need not be whole: what is never written is absent.
   *
   * @param part 1 to 200 printable ASCII characters; a part begins with its first call
   * @param offset not before the end of the part's last write
   * @param bytes consumed: may be changed once the call has returned
   */
  public void write(String part, long offset, ByteBuffer bytes) {
    requireOpen();
    part(part).write(offset, bytes);
  }

  /** Says how long a part is, if it does not end with its last write. */
  public void size(String part, long bytes) {
    requireOpen();
    part(part).size(bytes);
  }

  /**
   * Ends the checkpoint, which is durable when this returns. May also throw {@code
   * PAYLOAD_TOO_LARGE}. After an error it may be there nevertheless, if the store was cut off in
   * between or the caller interrupted; {@link CheckpointStore#delete} makes sure.
   *
   * @param attributesJson what the caller wants to know again, at most 1 MiB; not interpreted
   */
  public StoredCheckpoint commit(String attributesJson) {
    requireOpen();
    requireFits(attributesJson);
    parts.values().forEach(PartWriter::finish);
    Map<String, CheckpointManifest.Part> finished = new LinkedHashMap<>();
    parts.forEach((name, part) -> finished.put(name, part.result()));
    syncChunks(finished);
    requireInTime();
    CheckpointManifest manifest =
        new CheckpointManifest(
            id, store.clock().instant(), queue.addedBytes(), attributesJson, finished);
    save(manifest);
    state = State.COMMITTED;
    return new StoredCheckpoint(manifest, store);
  }

  private void save(CheckpointManifest manifest) {
    try {
      store.workers().run(() -> store.manifests().save(manifest));
      requireInTime();
    } catch (RuntimeException failed) {
      withdraw(failed);
      throw failed;
    }
  }

  /** It may have reached the store in spite of the failure. */
  private void withdraw(RuntimeException failed) {
    try {
      store.workers().run(() -> store.manifests().delete(id));
    } catch (RuntimeException again) {
      failed.addSuppressed(again);
    }
  }

  private void syncChunks(Map<String, CheckpointManifest.Part> finished) {
    Set<ChunkRef> chunks = new HashSet<>();
    for (CheckpointManifest.Part part : finished.values()) {
      part.windows().forEach(window -> window.chunk().ifPresent(chunks::add));
    }
    store.chunks().sync(chunks, store.workers());
  }

  /** A checkpoint that took too long may rest on chunks that are being collected. */
  private void requireInTime() {
    Duration took = Duration.ofNanos(System.nanoTime() - begunAt);
    // Collectors go by the wall clock, which can jump.
    Duration byTheClock = Duration.between(begun, store.clock().instant());
    took = took.compareTo(byTheClock) < 0 ? byTheClock : took;
    Duration limit = store.config().grace().dividedBy(3);
    if (took.compareTo(limit) >= 0) {
      throw new PodflareException(
          ErrorCode.STORE_UNAVAILABLE,
          "the checkpoint took "
              + took.toSeconds()
              + " s to write; it may take "
              + limit.toSeconds()
              + " s, a third of the store's grace");
    }
  }

  private static void requireFits(String attributesJson) {
    int length = attributesJson.getBytes(StandardCharsets.UTF_8).length;
    if (length > ManifestCodec.MAX_ATTRIBUTES) {
      throw new PodflareException(
          ErrorCode.PAYLOAD_TOO_LARGE,
          "a checkpoint's attributes may have "
              + ManifestCodec.MAX_ATTRIBUTES
              + " bytes, not "
              + length);
    }
  }

  private PartWriter part(String name) {
    PartWriter known = parts.get(name);
    if (known != null) {
      return known;
    }
    if (!name.matches("[\\x21-\\x7e]{1," + ManifestCodec.MAX_PART_NAME + "}")
        || parts.size() >= ManifestCodec.MAX_PARTS) {
      throw new IllegalArgumentException("not a part, or one too many: '" + name + "'");
    }
    PartWriter made = new PartWriter(name, queue);
    parts.put(name, made);
    return made;
  }

  private void requireOpen() {
    if (state != State.OPEN) {
      throw new IllegalStateException("the writer of " + id + " is " + state);
    }
  }

  /** Without a commit before it, all that stays are chunks that a collection takes. */
  @Override
  public void close() {
    if (state == State.OPEN) {
      state = State.CLOSED;
      queue.abandon();
    }
  }
}
