package dev.podflare.store.testing;

import dev.podflare.store.DatabaseConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.postgresql.ds.PGSimpleDataSource;

/**
 * A PostgreSQL of our own: a cluster in a new folder, on loopback, as an unprivileged user, as a
 * process that this JVM does not outlive. Thread-safe.
 */
public final class PostgresProcess implements AutoCloseable {
  /** Every character of it is to be encoded in an address. */
  public static final String PASSWORD = "p@ss:w/ö?r#d%";

  private static final String USER = "podflare";
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static @Nullable PostgresProcess running;

  private final PostgresFiles files;
  private final int port;
  private @Nullable Process process;

  private PostgresProcess(PostgresFiles files, int port) {
    this.files = files;
    this.port = port;
  }

  /** One for all tests of this JVM, which is not to be stopped. */
  public static synchronized PostgresProcess get() {
    PostgresProcess known = running;
    if (known == null) {
      known = start();
      running = known;
    }
    return known;
  }

  /** Another one. */
  public static PostgresProcess start() {
    try {
      PostgresProcess server =
          new PostgresProcess(PostgresFiles.create(USER, PASSWORD), FreePort.choose());
      Runtime.getRuntime().addShutdownHook(new Thread(server::close));
      server.goOn();
      return server;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public int port() {
    return port;
  }

  /** A new empty database. */
  public DatabaseConfig.Postgres freshDatabase() {
    return database("db_" + UUID.randomUUID().toString().replace("-", ""));
  }

  /** The database of that name, made if it is missing. */
  public DatabaseConfig.Postgres database(String name) {
    try (Connection connection = connect("postgres");
        var statement = connection.createStatement()) {
      var there =
          statement.executeQuery("select 1 from pg_database where datname = '" + name + "'");
      if (!there.next()) {
        statement.execute("create database " + name);
      }
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
    return new DatabaseConfig.Postgres(
        List.of(new DatabaseConfig.Host("127.0.0.1", port)),
        name,
        USER,
        Optional.of(PASSWORD),
        Map.of());
  }

  /** A connection of our own, beside those that are tested. */
  public Connection connect(String database) throws SQLException {
    PGSimpleDataSource source = new PGSimpleDataSource();
    source.setServerNames(new String[] {"127.0.0.1"});
    source.setPortNumbers(new int[] {port});
    source.setDatabaseName(database);
    source.setUser(USER);
    source.setPassword(PASSWORD);
    return source.getConnection();
  }

  /** Starts it, again on the same port with what it had. */
  public synchronized void goOn() {
    try {
      Process started = files.command("postgres", "-D", files.data(), "-p", "" + port).start();
      process = started;
      Instant limit = Instant.now().plus(PATIENCE);
      while (!answers()) {
        if (!started.isAlive() || Instant.now().isAfter(limit)) {
          throw new IllegalStateException("PostgreSQL did not start:\n" + files.log());
        }
        Thread.sleep(20);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Ends it as an operator does: sessions are told. */
  public void stop() {
    end("INT");
  }

  /** Ends it as a crash does. */
  public void crash() {
    end("QUIT");
  }

  /** It stays connected and says nothing, like a host that is lost; until {@link #thaw}. */
  public void freeze() {
    signalAll("STOP");
  }

  public void thaw() {
    signalAll("CONT");
  }

  private boolean answers() {
    try (Connection connection = connect("postgres")) {
      return connection.isValid(1);
    } catch (SQLException notYet) {
      return false;
    }
  }

  private synchronized void signalAll(String signal) {
    Process postmaster = process;
    if (postmaster != null) {
      Stream.concat(Stream.of(postmaster.toHandle()), postmaster.descendants())
          .forEach(each -> signal(signal, each.pid()));
    }
  }

  private synchronized void end(String signal) {
    Process postmaster = process;
    if (postmaster == null) {
      return;
    }
    try {
      signal(signal, postmaster.pid());
      if (!postmaster.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
        postmaster.destroyForcibly();
      }
      process = null;
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void signal(String name, long pid) {
    try {
      new ProcessBuilder("kill", "-" + name, "" + pid).start().waitFor();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public synchronized void close() {
    if (process != null) {
      thaw();
      crash();
    }
    files.delete();
  }
}
