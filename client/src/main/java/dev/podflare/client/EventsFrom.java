package dev.podflare.client;

import java.util.OptionalLong;

/**
 * Where a stream of events begins and whether it ends.
 *
 * @param after id of an event; 0: with the oldest that is kept; empty: with what happens from now
 *     on
 * @param follow whether the stream goes on when all that there was has been given
 */
public record EventsFrom(OptionalLong after, boolean follow) {

  /** What happens from now on. */
  public static EventsFrom now() {
    return new EventsFrom(OptionalLong.empty(), true);
  }

  /** All that comes after an event, and what happens from then on. */
  public static EventsFrom after(long id) {
    return new EventsFrom(OptionalLong.of(id), true);
  }

  /** All that is kept, and what happens from then on. */
  public static EventsFrom oldest() {
    return after(0);
  }

  /** The same, but ends when all that there is has been given. */
  public EventsFrom untilNow() {
    return new EventsFrom(after, false);
  }
}
