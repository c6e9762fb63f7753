package dev.podflare.store;

import java.util.function.Consumer;
import java.util.function.Function;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.jdbi.v3.core.Handle;
import org.jspecify.annotations.Nullable;

/**
 * The database of the records: a SQLite file of this daemon's alone, or a PostgreSQL that several
 * daemons may share. Both take the same statements. Thread-safe.
 *
 * <p>What callers can rely on in both: a transaction is whole or not there; of two that change the
 * same row one comes after the other and sees what that one left; a unique index holds. They cannot
 * rely on more: between two statements of a transaction another one may commit (PostgreSQL's READ
 * COMMITTED). So what must not change in between is first locked by an update, or said in the
 * condition of the statement that depends on it.
 */
sealed interface Database extends AutoCloseable permits SqliteDatabase, PostgresDatabase {

  static Database open(DatabaseConfig config) {
    return switch (config) {
      case DatabaseConfig.SqliteFile sqlite -> SqliteDatabase.open(sqlite.file());
      case DatabaseConfig.Postgres postgres ->
          PostgresDatabase.open(postgres, PostgresWaits.usual());
    };
  }

  /**
   * One short transaction. The work may run more than once, in a new transaction each time; only
   * the last one counts. So it changes nothing but the database.
   *
   * @throws dev.podflare.common.PodflareException {@code RECORDS_UNAVAILABLE} if the database is
   *     away or busy, {@code INTERNAL} if it refuses a statement; nothing has changed then, but see
   *     {@link PostgresDatabase} for the one case in which that is not known
   */
  <T extends @Nullable Object> T write(Function<Handle, T> work);

  /** As {@link #write}, without an answer. */
  default void change(Consumer<Handle> work) {
    this.<@Nullable Object>write(handle -> {
      work.accept(handle);
      return null;
    });
  }

  /** One statement that reads; it may run more than once. Errors as with {@link #write}. */
  <T extends @Nullable Object> T read(Function<Handle, T> work);

  /** Whether other daemons may use it at the same time. */
  boolean shared();

  /**
   * Takes a daemon's name where others may come with the same one. To be called first.
   *
   * @throws dev.podflare.common.PodflareException {@code HOST_NOT_READY} if another daemon has it
   */
  default void takeName(String node) {}

  /** Takes the name again where the database was away. */
  default void keepName() {}

  /** Removes what the database keeps for itself and needs no more; now and then. */
  default void tidy() {}

  @Override
  void close();

  /** Brings the tables up to date; of several daemons one does it and the others wait. */
  static void migrate(DataSource source) {
    if (Migrations.applied(source)) {
      return;
    }
    Flyway.configure()
        .dataSource(source)
        .locations("classpath:" + Migrations.FOLDER)
        .load()
        .migrate();
  }
}
