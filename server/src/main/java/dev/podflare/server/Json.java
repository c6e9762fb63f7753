package dev.podflare.server;

import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.json.JsonMapper;

/** The one mapper, and objects in the order in which they are written. Thread-safe. */
final class Json {
  private static final int MAX_DEPTH = 64;
  private static final int MAX_NUMBER = 400;
  private static final int MAX_NAME = 4096;

  /** Strings may be as long as the largest body; everything else is kept short. */
  static final JsonMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .rootValueSeparator("")
                  .characterEscapes(new LineEscapes())
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(MAX_DEPTH)
                          .maxNumberLength(MAX_NUMBER)
                          .maxNameLength(MAX_NAME)
                          .maxStringLength(Integer.MAX_VALUE)
                          .build())
                  .build())
          .build();

  private Json() {}

  static byte[] bytes(Object value) {
    return MAPPER.writeValueAsBytes(value);
  }

  static Entries object() {
    return new Entries();
  }

  /** An object under construction. One thread. */
  static final class Entries {
    private final Map<String, @Nullable Object> entries = new LinkedHashMap<>();

    Entries put(String name, @Nullable Object value) {
      entries.put(name, value instanceof Instant time ? time.toString() : value);
      return this;
    }

    /** {@code null} on the wire if empty. */
    Entries put(String name, Optional<?> value) {
      return put(name, value.orElse(null));
    }

    /** Left out if empty. */
    Entries putIfPresent(String name, Optional<?> value) {
      value.ifPresent(present -> put(name, present));
      return this;
    }

    Map<String, @Nullable Object> map() {
      return entries;
    }
  }
}
