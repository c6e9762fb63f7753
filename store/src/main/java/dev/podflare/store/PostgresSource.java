package dev.podflare.store;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Map;
import org.postgresql.ds.PGSimpleDataSource;

/** Makes connections to a PostgreSQL, with an end to each wait. Thread-safe. */
final class PostgresSource {
  private static final Duration CONNECT = Duration.ofSeconds(3);
  private static final Duration LOGIN = Duration.ofSeconds(5);
  private static final Duration IDLE_IN_TRANSACTION = Duration.ofSeconds(30);

  /** A big table may be rewritten. */
  private static final Duration MIGRATION_SILENCE = Duration.ofMinutes(10);

  private final DatabaseConfig.Postgres config;
  private final PostgresWaits waits;

  PostgresSource(DatabaseConfig.Postgres config, PostgresWaits waits) {
    this.config = config;
    this.waits = waits;
  }

  /** What each session is told first. */
  String session() {
    return "set statement_timeout = %d; set lock_timeout = %d;"
            .formatted(waits.statement().toMillis(), waits.lock().toMillis())
        + " set idle_in_transaction_session_timeout = %d;".formatted(IDLE_IN_TRANSACTION.toMillis())
        + " set default_transaction_isolation = 'read committed'";
  }

  PGSimpleDataSource forCalls() {
    return source(waits.silence());
  }

  PGSimpleDataSource forMigrations() {
    return source(MIGRATION_SILENCE);
  }

  private PGSimpleDataSource source(Duration silence) {
    PGSimpleDataSource source = new PGSimpleDataSource();
    source.setServerNames(
        config.hosts().stream().map(DatabaseConfig.Host::name).toArray(String[]::new));
    source.setPortNumbers(config.hosts().stream().mapToInt(DatabaseConfig.Host::port).toArray());
    source.setDatabaseName(config.database());
    source.setUser(config.user());
    config.password().ifPresent(source::setPassword);
    source.setConnectTimeout(seconds(CONNECT));
    source.setLoginTimeout(seconds(LOGIN));
    source.setSocketTimeout(seconds(silence));
    source.setTcpKeepAlive(true);
    // Another daemon may bring the tables up to date while this one runs: a statement that the
    // server has planned before would fail then.
    source.setPrepareThreshold(0);
    set(source, Map.of("ApplicationName", "podflare"));
    if (config.hosts().size() > 1) {
      set(source, Map.of("targetServerType", "primary"));
    }
    set(source, config.properties());
    return source;
  }

  private static void set(PGSimpleDataSource source, Map<String, String> properties) {
    properties.forEach((name, value) -> {
      try {
        source.setProperty(name, value);
      } catch (SQLException e) {
        throw new PodflareException(
            ErrorCode.INVALID_CONFIG, "the database's address: " + name + " cannot be that", e);
      }
    });
  }

  private static int seconds(Duration time) {
    return Math.toIntExact(time.toSeconds());
  }
}
