package dev.podflare.store;

import dev.podflare.common.PodflareException;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes what a database that was away did not take, and keeps up with the other nodes of a shared
 * one: what of it is held in memory is renewed every {@link #PAUSE}. While it is away, what was
 * known last goes on. Thread-safe.
 */
final class SharedUse implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(SharedUse.class);

  /** How long a key that another node has revoked may still be taken. */
  static final Duration PAUSE = Duration.ofSeconds(2);

  private static final int TIDY_EVERY = 300;

  private final Database database;
  private final ApiKeys keys;
  private final IdempotentAnswers answers;
  private final Thread thread;
  private int round;

  SharedUse(Database database, ApiKeys keys, IdempotentAnswers answers) {
    this.database = database;
    this.keys = keys;
    this.answers = answers;
    this.thread = Thread.ofVirtual().name("shared records").unstarted(this::keepUp);
    thread.start();
  }

  private void keepUp() {
    boolean away = false;
    while (!Thread.currentThread().isInterrupted()) {
      try {
        Thread.sleep(PAUSE);
        answers.writeLate();
        if (database.shared()) {
          keepUpWithOthers();
        }
        if (away) {
          LOG.info("the database is back");
        }
        away = false;
      } catch (InterruptedException closed) {
        return;
      } catch (PodflareException e) {
        if (!away) {
          LOG.warn("{}", e.sentence());
        }
        away = true;
      }
    }
  }

  private void keepUpWithOthers() {
    database.keepName();
    keys.refresh();
    if (++round % TIDY_EVERY == 0) {
      database.tidy();
    }
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
