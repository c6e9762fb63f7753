package dev.podflare.engine;

import java.time.Duration;
import java.util.Optional;

/**
 * A fan-out under way. Its children are closed with it, unless it has ended: then the winner is
 * merged, or without a pick all live on. One thread; close it always.
 */
public interface FanOut extends AutoCloseable {

  /** The children, as a fork answers. */
  ForkedSandboxes forked();

  /** The next event, or empty if none came within {@code wait} or it has {@link #ended}. */
  Optional<FanOutEvent> next(Duration wait) throws InterruptedException;

  /** Whether the last event was handed out. */
  boolean ended();

  @Override
  void close();
}
