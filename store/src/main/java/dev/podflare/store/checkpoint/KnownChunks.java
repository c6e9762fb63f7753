package dev.podflare.store.checkpoint;

import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The chunks that were lately seen or put, and when they were last modified, so that the back end
 * need not be asked again. Thread-safe.
 */
final class KnownChunks {
  private static final int MAX = 50_000;

  record Known(ChunkRef ref, Instant lastModified) {}

  private final Map<String, Known> byId =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Known> eldest) {
          return size() > MAX;
        }
      };

  /** The chunk, if it was last modified after {@code time}. */
  synchronized Optional<ChunkRef> since(String id, Instant time) {
    return Optional.ofNullable(byId.get(id))
        .filter(known -> known.lastModified().isAfter(time))
        .map(Known::ref);
  }

  synchronized void add(ChunkRef ref, Instant lastModified) {
    byId.put(ref.id(), new Known(ref, lastModified));
  }

  synchronized void remove(String id) {
    byId.remove(id);
  }
}
