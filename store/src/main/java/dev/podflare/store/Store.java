package dev.podflare.store;

import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.UUID;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.Update;

/**
 * What Podflare remembers: sandbox records, saved machines, API keys and idempotent answers, in a
 * SQLite file or a PostgreSQL. Several nodes may share one PostgreSQL: Spaces, snapshots, keys and
 * answers are of all of them, a sandbox that is not frozen and a request at work are of one. Times
 * are kept to the millisecond. Thread-safe.
 *
 * <p>Every call may throw {@link dev.podflare.common.PodflareException}: {@code INVALID_CONFIG}
 * when the database cannot be opened, {@code RECORDS_UNAVAILABLE} when it is away or busy, {@code
 * INTERNAL} when it fails.
 */
public final class Store implements AutoCloseable {
  /** Node of a database that only one daemon uses, where nobody says another. */
  public static final String ONLY_NODE = "local";

  private final Database database;
  private final String node;
  private final Events events;
  private final WebhookRecords webhooks;
  private final VolumeRecords volumes;
  private final WebhookDeliveries deliveries;
  private final SandboxRecords sandboxes;
  private final String identity;
  private final SavedMachines saved;
  private final StoredShapes shapes;
  private final ApiKeys keys;
  private final IdempotentAnswers answers;
  private final SharedUse sharedUse;

  private Store(Database database, String node, String former, Clock clock) {
    this.database = database;
    this.node = node;
    database.takeName(node);
    claim(database, node, former);
    this.events = new Events(database, clock);
    this.webhooks = new WebhookRecords(database);
    this.volumes = new VolumeRecords(database);
    this.deliveries = new WebhookDeliveries(database);
    this.sandboxes = new SandboxRecords(database, clock, events, node);
    this.identity = database.write(Store::identity);
    this.saved = new SavedMachines(database, events, node);
    this.shapes = new StoredShapes(database, clock);
    this.keys = new ApiKeys(database, clock);
    this.answers = new IdempotentAnswers(database, clock, node);
    this.sharedUse = new SharedUse(database, keys, answers);
  }

  /**
   * Opens the file, making it (mode 0600) and its folders if they are missing, and brings its
   * tables up to date. Reservations that a crash left behind are freed.
   */
  public static Store open(Path databaseFile) {
    return open(databaseFile, Clock.systemUTC());
  }

  public static Store open(Path databaseFile, Clock clock) {
    return open(new DatabaseConfig.SqliteFile(databaseFile), ONLY_NODE, clock);
  }

  /**
   * As above, in a database of choice.
   *
   * @param node name of this daemon, which no other of the same database has: what an earlier run
   *     under this name left behind is taken to be dead; {@code HOST_NOT_READY} if one has it
   * @param former name that this daemon had in its last run; what it had is under the new one then
   */
  public static Store open(DatabaseConfig config, String node, String former) {
    return open(config, node, former, Clock.systemUTC());
  }

  public static Store open(DatabaseConfig config, String node, Clock clock) {
    return open(config, node, node, clock);
  }

  private static Store open(DatabaseConfig config, String node, String former, Clock clock) {
    return open(Database.open(config), node, former, clock);
  }

  /** The database is the store's to close, also if this fails. */
  static Store open(Database database, String node, String former, Clock clock) {
    try {
      return new Store(database, node, former, clock);
    } catch (RuntimeException failed) {
      database.close();
      throw failed;
    }
  }

  /** What is nobody's is ours, and in a database of our own all that an earlier name had. */
  private static void claim(Database database, String node, String former) {
    String whose = "node <> :node" + (database.shared() ? " and node in ('', :former)" : "");
    database.change(handle -> {
      for (String table : List.of("sandboxes", "idempotent_answers", "volumes")) {
        Update update =
            handle
                .createUpdate("update " + table + " set node = :node where " + whose)
                .bind("node", node);
        (database.shared() ? update.bind("former", former) : update).execute();
      }
    });
  }

  private static String identity(Handle handle) {
    String fresh = UUID.randomUUID().toString().replace("-", "");
    handle.execute("insert into identity (id) values (?) on conflict do nothing", fresh);
    return handle.createQuery("select id from identity").mapTo(String.class).one();
  }

  /** What has happened to sandboxes and snapshots. */
  public Events events() {
    return events;
  }

  /** Folders that many sandboxes mount. */
  public VolumeRecords volumes() {
    return volumes;
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

  /** Name of this daemon among those that share the database. */
  public String node() {
    return node;
  }

  /**
   * 32 hex digits that name these records in what is kept outside of them; the same for all nodes
   * that share the database.
   */
  public String identity() {
    return identity;
  }

  /** Spaces and snapshots. */
  public SavedMachines saved() {
    return saved;
  }

  /** Frozen shapes that nodes have in common. */
  public StoredShapes shapes() {
    return shapes;
  }

  /** Whether other nodes may use the same records. */
  public boolean shared() {
    return database.shared();
  }

  public ApiKeys keys() {
    return keys;
  }

  public IdempotentAnswers answers() {
    return answers;
  }

  @Override
  public void close() {
    sharedUse.close();
    database.close();
  }
}
