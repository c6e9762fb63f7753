package dev.podflare.store.checkpoint;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a chunk is.
 *
 * @param id digest of its plain bytes, 64 hex digits
 * @param variant 0, or a number that tells it from an object of the same bytes that is being
 *     deleted; see {@link GarbageCollector}
 */
record ChunkRef(String id, int variant) {
  static final String FOLDER = "chunks/";
  private static final Pattern NAME =
      Pattern.compile(FOLDER + "[0-9a-f]{2}/([0-9a-f]{64})(?:-([0-9a-f]{8}))?");

  /** Name of the object. */
  String name() {
    String suffix = variant == 0 ? "" : String.format("-%08x", variant);
    return FOLDER + id.substring(0, 2) + "/" + id + suffix;
  }

  /** Empty for a name that is no chunk's. */
  static Optional<ChunkRef> ofName(String name) {
    Matcher matcher = NAME.matcher(name);
    if (!matcher.matches()) {
      return Optional.empty();
    }
    String variant = matcher.group(2);
    return Optional.of(
        new ChunkRef(
            matcher.group(1), variant == null ? 0 : Integer.parseUnsignedInt(variant, 16)));
  }

  /** For sets of very many: two chunks may share one, which keeps garbage and loses nothing. */
  long fingerprint() {
    return Long.parseUnsignedLong(id, 0, 16, 16) ^ variant;
  }
}
