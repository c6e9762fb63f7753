package dev.podflare.engine;

import java.util.Map;
import java.util.Optional;

/**
 * What an execution reports. Sequence numbers start at 0 and grow by one within an execution; times
 * are host milliseconds since the epoch.
 */
public sealed interface ExecEvent {
  long sequence();

  long epochMillis();

  /** Bytes of memory that it takes, about; the one measure by which events are limited. */
  default long cost() {
    return OVERHEAD
        + switch (this) {
          case Output output -> output.bytes().length;
          case Result result ->
              result.data().entrySet().stream()
                  .mapToLong(entry -> 2L * (entry.getKey().length() + entry.getValue().length()))
                  .sum();
          case Started _, Skipped _, Exit _ -> 0;
        };
  }

  /** Of the objects that an event and its place in a log are made of. */
  int OVERHEAD = 96;

  /** First event of the CHUNKS framing. */
  record Started(long sequence, long epochMillis, String executionId) implements ExecEvent {}

  /** Output: in the LINES framing one line without newline, in CHUNKS exactly what was written. */
  @SuppressWarnings("ArrayRecordComponent") // identity is never asked of an event
  record Output(long sequence, long epochMillis, Stream stream, byte[] bytes)
      implements ExecEvent {}

  /**
   * CHUNKS only: a value that was shown, or the exception that ended the call.
   *
   * @param data its forms: mime type to text, of binary ones base64, of JSON ones JSON as far as
   *     the guest is to be believed
   * @param displayId names a display that later ones update
   */
  record Result(
      long sequence,
      long epochMillis,
      Shown shown,
      Map<String, String> data,
      Optional<String> displayId)
      implements ExecEvent {}

  /** Why there is a result. */
  enum Shown {
    /** The call ended with this expression. */
    VALUE,
    /** Displayed on the way. */
    DISPLAY,
    /** Takes the place of a display. */
    UPDATE,
    /** All displays are to be cleared; with {@code wait}, once there is something else. */
    CLEAR,
    /** The call ended with this exception: its name, value and frames, as {@link #JSON}. */
    EXCEPTION
  }

  /** The form of an exception. */
  String JSON = "application/json";

  /**
   * In the log of a process: so many events from this number on are not kept any more.
   *
   * @param epochMillis of the one that comes after
   */
  record Skipped(long sequence, long epochMillis, long count) implements ExecEvent {}

  /** The last event. */
  record Exit(long sequence, long epochMillis, int code, Reason reason) implements ExecEvent {}

  enum Stream {
    STDOUT,
    STDERR
  }

  /** Why an execution ended. */
  enum Reason {
    EXITED,
    TIMEOUT,
    CANCELLED,
    CRASHED,
    OUT_OF_MEMORY,
    OUTPUT_LIMIT,
    SANDBOX_CLOSED
  }
}
