package dev.podflare.store;

import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.UUID;

/**
 * What Podflare remembers: sandbox records, API keys and idempotent answers, in one SQLite file.
 * Times are kept to the millisecond. Thread-safe.
 *
 * <p>Every call may throw {@link dev.podflare.common.PodflareException}: {@code INVALID_CONFIG}
 * when the file cannot be opened, {@code INTERNAL} when the database fails.
 */
public final class Store implements AutoCloseable {
  private final Database database;
  private final Events events;
  private final WebhookRecords webhooks;
  private final WebhookDeliveries deliveries;
  private final SandboxRecords sandboxes;
  private final String identity;
  private final SavedMachines saved;
  private final ApiKeys keys;
  private final IdempotentAnswers answers;

  private Store(Database database, Clock clock) {
    this.database = database;
    this.events = new Events(database, clock);
    this.webhooks = new WebhookRecords(database);
    this.deliveries = new WebhookDeliveries(database);
    this.sandboxes = new SandboxRecords(database, clock, events);
    this.identity = identity(database);
    this.saved = new SavedMachines(database, events);
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

  private static String identity(Database database) {
    return database.write(handle -> {
      List<String> known = handle.createQuery("select id from identity").mapTo(String.class).list();
      if (known.isEmpty()) {
        String fresh = UUID.randomUUID().toString().replace("-", "");
        handle.execute("insert into identity (id) values (?)", fresh);
        return fresh;
      }
      return known.getFirst();
    });
  }

  /** What has happened to sandboxes and snapshots. */
  public Events events() {
    return events;
  }

  /** Where events are sent to. */
  public WebhookRecords webhooks() {
    return webhooks;
  }

  /** What is still to be sent there. */
  public WebhookDeliveries deliveries() {
    return deliveries;
  }

  public SandboxRecords sandboxes() {
    return sandboxes;
  }

  /** 32 hex digits that name these records in what is kept outside of them. */
  public String identity() {
    return identity;
  }

  /** Spaces and snapshots. */
  public SavedMachines saved() {
    return saved;
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
