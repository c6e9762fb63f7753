package dev.podflare.server;

import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Does some tidying now and then until it is closed. Thread-safe. */
final class Sweeper implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Sweeper.class);
  private static final Duration PAUSE = Duration.ofSeconds(30);

  private final Runnable work;
  private final Thread thread = Thread.ofVirtual().name("mcp-sweeper").unstarted(this::run);

  Sweeper(Runnable work) {
    this.work = work;
  }

  void start() {
    thread.start();
  }

  private void run() {
    try {
      while (true) {
        Thread.sleep(PAUSE);
        try {
          work.run();
        } catch (RuntimeException failed) {
          LOG.warn("tidying failed; it is tried again", failed);
        }
      }
    } catch (InterruptedException closed) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
