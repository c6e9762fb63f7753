package dev.podflare.store;

import java.nio.file.Path;
import java.time.Clock;

/**
 * What Podflare remembers: sandbox records, API keys and idempotent answers, in one SQLite file.
 * Times are kept to the millisecond. Thread-safe.
 *
 * <p>Every call may throw {@link dev.podflare.common.PodflareException}: {@code INVALID_CONFIG}
 * when the file cannot be opened, {@code INTERNAL} when the database fails.
 */
public final class Store implements AutoCloseable {
  private final Database database;
  private final SandboxRecords sandboxes;
  private final ApiKeys keys;
  private final IdempotentAnswers answers;

  private Store(Database database, Clock clock) {
    this.database = database;
    this.sandboxes = new SandboxRecords(database, clock);
    this.keys = new ApiKeys(database, clock);
    this.answers = new IdempotentAnswers(database, clock);
  }

  /**
   * Opens the file, making it (mode 0600) and its folders if they are missing, and brings its
   * tables up to date. Reservations that a crash left behind are freed.
   */
  public static Store open(Path databaseFile) {
    return open(databaseFile, Clock.systemUTC());
  }

  public static Store open(Path databaseFile, Clock clock) {
    Database database = Database.open(databaseFile);
    try {
      return new Store(database, clock);
    } catch (RuntimeException failed) {
      database.close();
      throw failed;
    }
  }

  public SandboxRecords sandboxes() {
    return sandboxes;
  }

  public ApiKeys keys() {
    return keys;
  }

  public IdempotentAnswers answers() {
    return answers;
  }

  @Override
  public void close() {
    database.close();
  }
}
