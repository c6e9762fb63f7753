package dev.podflare.webhook;

import java.time.Duration;
import java.util.Optional;

/** What came of an attempt. */
sealed interface Outcome {
  /** Answered with a 2xx. */
  record Taken() implements Outcome {}

  /** Answered with {@code 410 Gone}: the receiver wants nothing any more. */
  record Unwanted() implements Outcome {}

  /**
   * Anything else.
   *
   * @param error for people; nothing of what the receiver said but its status
   * @param retryAfter that the receiver asked for
   */
  record Failed(String error, Optional<Duration> retryAfter) implements Outcome {}
}
