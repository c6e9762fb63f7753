package dev.podflare.guest;

import java.util.Optional;

/**
 * Hears of one execution, in order, on the channel's reader thread: a method must not block. Last
 * comes exactly one of {@link #done} and {@link #lost}.
 */
public interface ExecListener {
  /** It is about to be sent to the guest, which has heard nothing of it yet. */
  default void begins(GuestExec exec) {}

  /** Of a terminal: its program runs. */
  default void opened() {}

  /** Of a program that was named by {@code argv}: it runs, as that process of the guest. */
  default void started(int pid) {}

  /** Output as it was written; {@link GuestExec#acknowledge} it when it has been dealt with. */
  void output(GuestStream stream, byte[] bytes);

  /** A value that was shown; for those that asked for values. */
  default void value(GuestValue value) {}

  /**
   * A part of a value has come; like output, its bytes are to be {@link GuestExec#acknowledge
   * acknowledged}.
   */
  default void valueBytes(int bytes) {}

  /**
   * So many bytes of a value that is not whole yet are held. False: there is no room for them, and
   * the value is dropped.
   */
  default boolean holdsValue(int bytes) {
    return true;
  }

  /** The end; no output comes after it. {@code code} is 0 to 255. */
  void done(int code, DoneReason reason, Optional<String> message);

  /** The channel is closed; how the execution goes on is not known. */
  void lost();
}
