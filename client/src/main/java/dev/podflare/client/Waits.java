package dev.podflare.client;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.function.Supplier;
import tools.jackson.databind.JsonNode;

/** Waits that the server does, for longer than one request may be silent. Stateless. */
final class Waits {
  private static final Duration SLICE = Duration.ofSeconds(20);

  private Waits() {}

  /** Asks slice by slice until there is an answer; at the end what is there instead. */
  static <T> T repeat(Duration patience, Function<Duration, Optional<T>> ask, Supplier<T> instead) {
    long deadline = System.nanoTime() + patience.toNanos();
    while (true) {
      Duration left = Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
      Duration slice = left.compareTo(SLICE) < 0 ? left : SLICE;
      Optional<T> answer = ask.apply(slice);
      if (answer.isPresent()) {
        return answer.get();
      }
      if (deadline - System.nanoTime() <= 0) {
        return instead.get();
      }
    }
  }

  /** The answer of a call with {@code timeout_ms}; code {@code timed_out} if there is none. */
  static JsonNode untilThere(
      HttpCaller http, String path, Map<String, Object> body, Duration patience) {
    AtomicReference<ApiException> last = new AtomicReference<>();
    Function<Duration, Optional<JsonNode>> ask =
        slice -> {
          Map<String, Object> sliced = new LinkedHashMap<>(body);
          sliced.put("timeout_ms", slice.toMillis());
          try {
            return Optional.of(http.post(path, sliced, JsonNode.class));
          } catch (ApiException e) {
            if (!e.code().equals("timed_out")) {
              throw e;
            }
            last.set(e);
            return Optional.empty();
          }
        };
    return repeat(
        patience,
        ask,
        () -> {
          throw requireNonNull(last.get());
        });
  }
}
