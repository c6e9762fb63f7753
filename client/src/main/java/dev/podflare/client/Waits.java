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

  /**
   * Asks slice by slice until there is an answer; at the end what is there instead. A connection
   * that breaks meanwhile is made again.
   */
  static <T> T repeat(
      HttpCaller http,
      Duration patience,
      Function<Duration, Optional<T>> ask,
      Supplier<T> instead) {
    long deadline = System.nanoTime() + patience.toNanos();
    Duration longest = shorter(SLICE, http.config().callTimeout().dividedBy(2));
    Patience joining = Patience.ofStream(http.config().rejoinTimeout());
    while (true) {
      Duration left = Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
      try {
        Optional<T> answer = ask.apply(shorter(left, longest));
        if (answer.isPresent()) {
          return answer.get();
        }
        joining.heard(true);
      } catch (ApiException cut) {
        http.sleep(joining.pause(cut, true).orElseThrow(() -> cut));
        continue;
      }
      if (deadline - System.nanoTime() <= 0) {
        return instead.get();
      }
    }
  }

  private static Duration shorter(Duration one, Duration other) {
    return one.compareTo(other) < 0 ? one : other;
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
        http,
        patience,
        ask,
        () -> {
          throw requireNonNull(last.get());
        });
  }
}
