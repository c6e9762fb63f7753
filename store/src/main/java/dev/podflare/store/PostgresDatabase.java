package dev.podflare.store;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.podflare.common.AwakeTime;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Function;
import java.util.function.Supplier;
import org.flywaydb.core.api.FlywayException;
import org.jdbi.v3.core.ConnectionException;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.JdbiException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A database of a PostgreSQL, which other daemons may use too. Thread-safe.
 *
 * <p>A transaction that was undone for another one's sake (a deadlock), or whose connection broke
 * before it was asked to commit, is run again, a few times at most. If the connection breaks while
 * it commits, only the server knows what became of it. So each one leaves a mark in {@code
 * write_marks}, and that is looked for over a new connection. (The server's own word on a
 * transaction's number will not do: after a crash a number may have been given anew.) Only if there
 * is no connection within {@link PostgresWaits#settle} either, a caller is told {@code
 * RECORDS_UNAVAILABLE} with {@code details.outcome=unknown}.
 *
 * <p>Each wait has an end: for a connection, a statement, a lock, and for bytes of the server. A
 * database that is away is an error within seconds; when it is back, the pool connects again.
 */
final class PostgresDatabase implements Database {
  private static final Logger LOG = LoggerFactory.getLogger(PostgresDatabase.class);

  /** How long it asks the pool at a time; the pool also looks that often whether it is back. */
  private static final Duration ASK_POOL = Duration.ofSeconds(1);

  /** Far longer than a daemon asks for its mark, whatever the clocks of other daemons say. */
  private static final Duration MARK_LIFE = Duration.ofHours(6);

  private static final Duration VALIDATION = Duration.ofMillis(900);
  private static final int CONNECTIONS = 10;
  private static final int ATTEMPTS = 6;

  /** After that long nothing is tried again: a caller waits. */
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private static final Duration FIRST_PAUSE = Duration.ofMillis(10);
  private static final Duration SETTLE_PAUSE = Duration.ofMillis(200);

  private final PostgresSource source;
  private final PostgresWaits waits;
  private final HikariDataSource pool;
  private final Jdbi jdbi;
  private final String where;
  private volatile @Nullable NodeLock name;

  private PostgresDatabase(
      PostgresSource source, PostgresWaits waits, HikariDataSource pool, String where) {
    this.source = source;
    this.waits = waits;
    this.pool = pool;
    this.jdbi = Jdbi.create(pool);
    this.where = where;
  }

  /**
   * Connects and brings the tables up to date.
   *
   * @throws PodflareException {@code RECORDS_UNAVAILABLE} if it cannot be reached, {@code
   *     INVALID_CONFIG} if it does not let us in or is none of ours
   */
  static PostgresDatabase open(DatabaseConfig.Postgres config, PostgresWaits waits) {
    PostgresSource source = new PostgresSource(config, waits);
    try (Connection probe = source.forCalls().getConnection()) {
      LOG.info("records are in {}, PostgreSQL {}", config, version(probe));
      Database.migrate(source.forMigrations());
      return new PostgresDatabase(source, waits, pool(source), config.toString());
    } catch (SQLException | FlywayException failed) {
      throw PostgresFailures.ofOpening(failed, config.toString());
    }
  }

  private static String version(Connection connection) throws SQLException {
    return connection.getMetaData().getDatabaseProductVersion();
  }

  @Override
  public <T extends @Nullable Object> T write(Function<Handle, T> work) {
    return again(() -> transaction(work));
  }

  @Override
  public <T extends @Nullable Object> T read(Function<Handle, T> work) {
    return again(() -> jdbi.withHandle(work::apply));
  }

  @Override
  public boolean shared() {
    return true;
  }

  @Override
  public void takeName(String node) {
    NodeLock lock = new NodeLock(source.forCalls(), node, waits.lostHost());
    try {
      lock.take();
    } catch (SQLException failed) {
      throw PostgresFailures.ofOpening(failed, where);
    }
    name = lock;
  }

  @Override
  public void keepName() {
    NodeLock lock = name;
    if (lock != null) {
      lock.keep();
    }
  }

  @Override
  public void close() {
    NodeLock lock = name;
    if (lock != null) {
      lock.close();
    }
    pool.close();
  }

  private <T extends @Nullable Object> T again(Supplier<T> call) {
    long begun = AwakeTime.nanos();
    for (int attempt = 1; ; attempt++) {
      try {
        return call.get();
      } catch (JdbiException failed) {
        if (!mayHelp(failed, attempt, Duration.ofNanos(AwakeTime.nanos() - begun))) {
          throw PostgresFailures.ofCall(failed, where);
        }
        pause(jitter(FIRST_PAUSE.multipliedBy(1L << attempt)), failed);
      }
    }
  }

  /** Whether the same again may do. */
  private boolean mayHelp(JdbiException failed, int attempts, Duration waited) {
    if (failed instanceof ConnectionException) {
      return waited.compareTo(waits.connection()) < 0 && !Thread.currentThread().isInterrupted();
    }
    return (PostgresFailures.isConflict(failed) || PostgresFailures.isLostConnection(failed))
        && attempts < ATTEMPTS
        && waited.compareTo(PATIENCE) < 0;
  }

  private <T extends @Nullable Object> T transaction(Function<Handle, T> work) {
    Handle handle = jdbi.open();
    try {
      handle.begin();
      String mark = UUID.randomUUID().toString();
      T result;
      try {
        result = work.apply(handle);
        leave(handle, mark);
      } catch (RuntimeException | Error failed) {
        quietly(handle::rollback);
        throw failed;
      }
      commit(handle, mark);
      return result;
    } finally {
      quietly(handle::close);
    }
  }

  private void commit(Handle handle, String mark) {
    try {
      handle.commit();
    } catch (JdbiException cut) {
      if (!PostgresFailures.isLostConnection(cut) || !tookPlace(mark, cut)) {
        throw cut;
      }
    }
  }

  private boolean tookPlace(String mark, JdbiException cut) {
    long end = AwakeTime.nanos() + waits.settle().toNanos();
    while (AwakeTime.nanos() - end < 0) {
      try {
        return isThere(mark);
      } catch (JdbiException away) {
        pause(SETTLE_PAUSE, cut);
      }
    }
    throw unsettled(cut);
  }

  /** By trying to leave it once more, which waits for who has left it and is not done yet. */
  private boolean isThere(String mark) {
    return jdbi.withHandle(handle -> {
      handle.begin();
      boolean there = leave(handle, mark) == 0;
      handle.rollback();
      return there;
    });
  }

  /** 0 if there is one already. */
  private static int leave(Handle handle, String mark) {
    return handle
        .createUpdate(
            "insert into write_marks (id, made_at) values (:id, :now) on conflict do nothing")
        .bind("id", mark)
        .bind("now", System.currentTimeMillis())
        .execute();
  }

  /** Takes away marks that nobody asks for any more. */
  @Override
  public void tidy() {
    change(handle ->
        handle.execute(
            "delete from write_marks where made_at < ?",
            System.currentTimeMillis() - MARK_LIFE.toMillis()));
  }

  private PodflareException unsettled(JdbiException cut) {
    return new PodflareException(
        ErrorCode.RECORDS_UNAVAILABLE,
        "the database " + where + " went away while it took a change, which it may have kept",
        Map.of("outcome", "unknown"),
        cut);
  }

  /** So that those who met do not meet again. */
  private static Duration jitter(Duration pause) {
    return Duration.ofNanos(ThreadLocalRandom.current().nextLong(pause.toNanos() + 1));
  }

  private void pause(Duration time, JdbiException failed) {
    try {
      Thread.sleep(time);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw PostgresFailures.ofCall(failed, where);
    }
  }

  /** What is to be told has been told, or is being thrown. */
  private static void quietly(Runnable end) {
    try {
      end.run();
    } catch (JdbiException failed) {
      LOG.debug("a connection was broken when it was given back", failed);
    }
  }

  private static HikariDataSource pool(PostgresSource source) {
    HikariConfig config = new HikariConfig();
    config.setDataSource(source.forCalls());
    config.setPoolName("records");
    config.setMaximumPoolSize(CONNECTIONS);
    config.setMinimumIdle(1);
    config.setConnectionInitSql(source.session());
    config.setConnectionTimeout(ASK_POOL.toMillis());
    config.setValidationTimeout(VALIDATION.toMillis());
    config.setKeepaliveTime(Duration.ofMinutes(1).toMillis());
    config.setInitializationFailTimeout(-1); // it has been connected to a moment ago
    return new HikariDataSource(config);
  }
}
