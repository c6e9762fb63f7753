package dev.podflare.engine;

import java.time.Duration;
import java.util.Optional;

/**
 * A program on a terminal of its own, running or ended. It goes on whether or not anybody looks.
 * Input, size and kill wake a sandbox that stands still, if it was made so. Thread-safe.
 */
public interface Terminal {
  /** Bytes of output that are kept for those who attach; under want of memory less. */
  int KEPT = 1 << 20;

  /** Most bytes of one input. */
  int MOST_INPUT = 1 << 20;

  String id();

  TerminalView view();

  /** All output that is kept, then what comes. */
  TerminalStream attach();

  /**
   * Output from a byte on, as much as is there: waits for some until {@code patience} is over or
   * the terminal has ended.
   */
  Read read(long since, int maxBytes, Duration patience) throws InterruptedException;

  /** {@code end}: present if it has ended and nothing comes after this. */
  record Read(TerminalPiece piece, Optional<TerminalEnd> end) {}

  /**
   * Types. Waits until the guest has room for it: {@code TIMED_OUT} if the program does not read
   * for half a minute, {@code PTY_CLOSED} if it has ended.
   */
  void input(byte[] bytes);

  /** {@code PTY_CLOSED} if it has ended. */
  void resize(int cols, int rows);

  /** Kills all that runs in it. Returns at once; on an ended one does nothing. */
  void kill();
}
