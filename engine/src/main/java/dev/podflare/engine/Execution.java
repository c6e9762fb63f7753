package dev.podflare.engine;

/** One call of code, running or ended. Thread-safe. */
public interface Execution {
  String id();

  ExecutionView view();

  /** Joins the event stream at a sequence number; events older than what is kept are skipped. */
  ExecStream stream(long fromSequence);

  /** Interrupts; after 5 seconds kills. Returns at once; on an ended execution does nothing. */
  void cancel();

  /** Writes to standard input of bash; {@code STDIN_CLOSED} when it has none. */
  void writeStdin(byte[] bytes, boolean endOfFile);
}
