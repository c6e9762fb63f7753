package dev.podflare.engine;

import java.time.Duration;
import java.util.Optional;

/**
 * One viewer's place in a terminal's output. It never holds back the program or other viewers: one
 * that falls behind by more than what is kept goes on near the end, and is told what it missed.
 * While it is open the sandbox is not idle; close it always. One thread at a time.
 */
public interface TerminalStream extends AutoCloseable {
  /** The next output, or empty if none came within {@code wait} or there is an {@link #end}. */
  Optional<TerminalPiece> next(Duration wait) throws InterruptedException;

  /** Present once all output before it was handed out. */
  Optional<TerminalEnd> end();

  @Override
  void close();
}
