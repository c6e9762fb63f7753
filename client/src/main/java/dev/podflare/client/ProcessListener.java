package dev.podflare.client;

/** Hears what a process says, in order, on the thread that reads its log. */
public interface ProcessListener {
  /** The first event. */
  default void started(long seq, String processId) {}

  /** Exactly the bytes that were written. */
  default void stdout(long seq, byte[] bytes) {}

  default void stderr(long seq, byte[] bytes) {}

  /** So many events are not kept any more. */
  default void skipped(long seq, long count) {}

  /** The last event. */
  default void exited(long seq, int code, String reason) {}
}
