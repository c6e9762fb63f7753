package dev.podflare.store;

/** What {@link IdempotentAnswers#reserve} found. */
public sealed interface Reservation {

  /** The request is new: do it, then {@code complete} or {@code abandon}. */
  record Granted() implements Reservation {}

  /** The request was done before; give this answer again. */
  record Answered(int status, String body) implements Reservation {}
}
