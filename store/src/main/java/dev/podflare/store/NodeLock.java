package dev.podflare.store;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.postgresql.ds.PGSimpleDataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One daemon of each name at a PostgreSQL: of two, the second would take the first for dead and
 * close what it runs. It is an advisory lock of a session of its own, so the server frees it when
 * the daemon is gone, however it ended. Thread-safe.
 */
final class NodeLock implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(NodeLock.class);

  /** "podf"; so that it does not meet locks that others take in the same database. */
  private static final int KIND = 0x706f6466;

  private static final int VALIDATION_SECONDS = 1;

  /** The server notices within 25 s that a host is lost. */
  private static final String WATCH =
      "set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5;"
          + " set tcp_keepalives_count = 3";

  private static final Duration PAUSE = Duration.ofMillis(250);

  private final PGSimpleDataSource source;
  private final String node;
  private final Duration lostHost;
  private Optional<Connection> session = Optional.empty();
  private boolean closed;

  /** {@code lostHost}: until the server has noticed that a daemon's host is lost. */
  NodeLock(PGSimpleDataSource source, String node, Duration lostHost) {
    this.source = source;
    this.node = node;
    this.lostHost = lostHost;
  }

  /**
   * Takes the name, after waiting for a lost host's to be freed.
   *
   * @throws PodflareException {@code HOST_NOT_READY} if another daemon has it
   */
  synchronized void take() throws SQLException {
    long end = System.nanoTime() + lostHost.toNanos();
    while (!tryToTake()) {
      if (System.nanoTime() > end) {
        throw new PodflareException(
            ErrorCode.HOST_NOT_READY,
            "another daemon of the name " + node + " uses the database; choose one with --node",
            Map.of("node", node));
      }
      try {
        Thread.sleep(PAUSE);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new PodflareException(ErrorCode.SHUTTING_DOWN, "interrupted", e);
      }
    }
  }

  /** Takes it again where the session broke. */
  synchronized void keep() {
    try {
      if (!closed && !isHeld() && !tryToTake()) {
        // Most often the server has not noticed yet that our earlier session has ended.
        LOG.warn("the name {} is held by another session of the database; is it a daemon?", node);
      }
    } catch (SQLException away) {
      LOG.debug("the name {} is taken again when the database is back", node, away);
    }
  }

  private boolean isHeld() throws SQLException {
    return session.isPresent() && session.get().isValid(VALIDATION_SECONDS);
  }

  private boolean tryToTake() throws SQLException {
    end();
    Connection fresh = source.getConnection();
    session = Optional.of(fresh);
    try (Statement watch = fresh.createStatement();
        PreparedStatement lock =
            fresh.prepareStatement("select pg_try_advisory_lock(?, hashtext(?))")) {
      watch.execute(WATCH);
      lock.setInt(1, KIND);
      lock.setString(2, node);
      try (ResultSet answer = lock.executeQuery()) {
        answer.next();
        boolean taken = answer.getBoolean(1);
        if (!taken) {
          end();
        }
        return taken;
      }
    }
  }

  private void end() {
    if (session.isPresent()) {
      try {
        session.get().close();
      } catch (SQLException broken) {
        LOG.debug("the session of the name {} was broken", node, broken);
      }
      session = Optional.empty();
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    end();
  }
}
