package dev.podflare.engine;

import java.util.Map;

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
          case Started _, Exit _ -> 0;
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

  /** CHUNKS only: the value of a last expression; mime type to text. */
  record Result(long sequence, long epochMillis, Map<String, String> data) implements ExecEvent {}

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
    SANDBOX_CLOSED
  }
}
