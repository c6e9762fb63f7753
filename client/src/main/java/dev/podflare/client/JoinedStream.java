package dev.podflare.client;

import java.io.IOException;
import java.util.Optional;
import java.util.function.LongFunction;
import tools.jackson.databind.JsonNode;

/**
 * Numbered events, each once and in order, over as many connections as it takes: one that breaks is
 * made again and goes on after the last event. One thread, used once.
 */
final class JoinedStream {
  private final HttpCaller http;
  private final LongFunction<String> path;
  private final Patience patience;
  private long next;
  private long missed;
  private boolean whole = true;

  /**
   * Asks nothing yet.
   *
   * @param path where the stream goes on, from an event on
   * @param first number of the first event
   */
  JoinedStream(HttpCaller http, LongFunction<String> path, long first) {
    this.http = http;
    this.path = path;
    this.next = first;
    this.patience = Patience.ofStream(http.config().rejoinTimeout());
  }

  /** Number of the event that comes next. */
  long next() {
    return next;
  }

  /** Events that the server did not keep while the connection was away. */
  long missed() {
    return missed;
  }

  /** From its beginning, or where it was left, to the last event. */
  void read(LineReader.Taker taker) {
    read(Optional.empty(), true, taker);
  }

  /**
   * Goes on with a connection that is open already.
   *
   * @param joinable whether it can be made again
   */
  void read(ApiAnswer begun, boolean joinable, LineReader.Taker taker) {
    read(Optional.of(begun), joinable, taker);
  }

  /** What there is of it, to where the server ends it. */
  void readKept(LineReader.Taker taker) {
    whole = false;
    read(taker);
  }

  private void read(Optional<ApiAnswer> begun, boolean joinable, LineReader.Taker taker) {
    Optional<ApiAnswer> open = begun;
    while (true) {
      Optional<ApiException> cut = connected(open, taker);
      if (cut.isEmpty()) {
        return;
      }
      ApiException why = cut.get();
      if (!joinable) {
        throw why;
      }
      http.sleep(patience.pause(why, true).orElseThrow(() -> why));
      open = Optional.empty();
    }
  }

  /** Over one connection; empty if the last event has come, else why it is not there. */
  private Optional<ApiException> connected(Optional<ApiAnswer> open, LineReader.Taker taker) {
    ApiAnswer response;
    try {
      // Its repetition is decided by this stream's own patience.
      response =
          open.isPresent()
              ? open.get()
              : http.open(ApiRequest.of("GET", path.apply(next)).repeated(false));
    } catch (ApiException refused) {
      return Optional.of(refused);
    }
    try (DeadlineBody body = response.body()) {
      boolean ended = LineReader.readAll(body, event -> isNew(event) && taker.take(event));
      if (ended || !whole) {
        return Optional.empty();
      }
      heard(body);
      return Optional.of(
          ApiException.own(
              ApiException.UNREACHABLE, "the server sent the end before the last event", null));
    } catch (IOException broken) {
      heard(response.body());
      return Optional.of(http.failure(broken));
    }
  }

  private void heard(DeadlineBody body) {
    if (body.wasRead()) {
      patience.heard(false);
    }
  }

  private boolean isNew(JsonNode event) {
    long seq = event.path("seq").asLong(next);
    if (seq < next) {
      return false;
    }
    missed += seq - next;
    boolean gap = event.path("type").asString("").equals("skipped");
    next = seq + (gap ? Math.max(1, event.path("data").asLong(1)) : 1);
    patience.heard(true);
    return true;
  }
}
