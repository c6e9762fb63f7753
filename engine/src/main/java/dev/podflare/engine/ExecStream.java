package dev.podflare.engine;

import java.time.Duration;
import java.util.Optional;

/**
 * One reader's place in an execution's events. While it is open the program is held back to the
 * reader's pace; close it always. One thread at a time.
 */
public interface ExecStream extends AutoCloseable {

  /** The next event, or empty if none came within {@code wait} or the stream has {@link #ended}. */
  Optional<ExecEvent> next(Duration wait) throws InterruptedException;

  /** Whether the exit event was handed out. */
  boolean ended();

  @Override
  void close();
}
