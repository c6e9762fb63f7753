package dev.podflare.client;

/**
 * Hears of one connection to a terminal, in order, one call at a time. A call that takes long makes
 * the server skip output for this connection alone. Last comes {@link #closed}.
 */
public interface TerminalListener {
  void output(byte[] bytes);

  /** So many bytes of output were missed. */
  default void skipped(long bytes) {}

  /** What was sent was refused. */
  default void refused(String code, String sentence) {}

  /** The program has ended. */
  default void exited(int code) {}

  /**
   * The connection is closed.
   *
   * @param why for people; empty after {@link #exited}
   * @param lost whether the terminal is not to be had any more, unless its sandbox is woken; else
   *     it goes on, and can be joined again
   */
  default void closed(String why, boolean lost) {}
}
