package dev.podflare.store.checkpoint;

import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Named objects, each whole or not there. Names are of {@code a-z 0-9 _ . - /}, at most 200
 * characters, without empty or dotted parts. Thread-safe.
 *
 * <p>Every call ends within the back end's deadline and may throw {@link
 * dev.podflare.common.PodflareException}: {@code STORE_UNAVAILABLE} (try again later), {@code
 * STORE_FULL}, {@code STORE_DENIED} (somebody has to change rights or settings). Whether a call
 * that threw has had an effect is not known.
 */
public interface BlobStore extends AutoCloseable {
  /** Objects that are asked for at a time. */
  int PAGE = 1000;

  /**
   * Writes or replaces an object. Readers see the old bytes or the new, at once; a loss of power
   * may undo it until {@link #sync} has returned.
   */
  void put(String name, byte[] bytes);

  /**
   * Like {@link #put} if there is no such object; of several callers one gets true, if no two bring
   * the same bytes.
   */
  boolean putIfAbsent(String name, byte[] bytes);

  /** Makes earlier calls for these objects durable, whoever made them. */
  void sync(Collection<String> names);

  /**
   * At most {@code length} bytes from {@code offset}: fewer where the object ends, none beyond its
   * end. Empty when there is no such object.
   */
  Optional<byte[]> get(String name, long offset, int length);

  Optional<BlobInfo> head(String name);

  /**
   * The objects whose names begin with {@code prefix} and come after {@code after} ("" for the
   * first page), at most {@code limit}, in the order of their names' characters. An empty page is
   * the end; a short one need not be.
   */
  List<BlobInfo> list(String prefix, String after, int limit);

  /** Every object whose name begins with {@code prefix}, in the order of {@link #list}. */
  default void all(String prefix, Consumer<BlobInfo> each) {
    List<BlobInfo> page = list(prefix, "", PAGE);
    while (!page.isEmpty()) {
      page.forEach(each);
      page = list(prefix, page.getLast().name(), PAGE);
    }
  }

  /** Deletes an object; no error if there is none. */
  void delete(String name);

  /**
   * Called when an object's bytes proved wrong: a back end that holds a copy drops it, so that the
   * next {@link #get} asks the original.
   */
  default void distrust(String name) {}

  /** The same objects without copies that are kept of them here; closing it closes nothing. */
  default BlobStore uncached() {
    return this;
  }

  /** Removes what writers that died have left half done. */
  default void tidy() {}

  @Override
  void close();
}
