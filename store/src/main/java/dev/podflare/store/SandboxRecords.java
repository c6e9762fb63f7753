package dev.podflare.store;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.StatementContext;
import org.jdbi.v3.core.statement.Update;

/**
 * The sandbox records; each call is one short transaction. What is added is of this node; a frozen
 * sandbox is of the node that wakes it. Thread-safe.
 */
public final class SandboxRecords {
  /** How long a closed sandbox's id still says why it was closed. */
  public static final Duration TOMBSTONE_LIFE = Duration.ofDays(1);

  private static final String INSERT =
      """
      insert into sandboxes (id, key_id, template, state, vcpus, memory_mebibytes, disk_gibibytes,
        persistent, auto_resume, undo, network, mounts, secrets, env, metadata, parent, created_at, expires_at, timeout, idle_timeout,
        closed_at, close_reason, close_message, node)
      values (:id, :keyId, :template, :state, :vcpus, :memory, :disk, :persistent, :autoResume, :undo, :network, :mounts, :secrets, :env,
        :metadata, :parent, :createdAt, :expiresAt, :timeout, :idleTimeout, :closedAt, :closeReason,
        :closeMessage, :node)
      """;
  private static final String UPDATE =
      """
      update sandboxes set key_id = :keyId, template = :template, state = :state, vcpus = :vcpus,
        memory_mebibytes = :memory, disk_gibibytes = :disk, persistent = :persistent, auto_resume = :autoResume,
        undo = :undo, network = :network, mounts = :mounts, secrets = :secrets, env = :env, metadata = :metadata, parent = :parent,
        expires_at = :expiresAt, timeout = :timeout, idle_timeout = :idleTimeout
      where id = :id and closed_at is null and node = :node
      """;
  private static final String CLOSE =
      """
      update sandboxes set state = 'closed', closed_at = :when, close_reason = :reason,
        close_message = :message, secrets = '[]', env = '{}', metadata = '{}'
      where closed_at is null
      """;

  private static final String RUNNING = "closed_at is null and state <> 'frozen'";

  private final Database database;
  private final Clock clock;
  private final Events events;
  private final String node;

  SandboxRecords(Database database, Clock clock, Events events, String node) {
    this.database = database;
    this.clock = clock;
    this.events = events;
    this.node = node;
  }

  /** Adds a record; the id must be new. */
  public void insert(SandboxRecord sandbox, Origin origin) {
    database.change(handle -> {
      insert(handle, sandbox, node);
      events.append(handle, LifecycleEvent.created(sandbox, origin));
    });
  }

  static void insert(Handle handle, SandboxRecord sandbox, String node) {
    bind(handle.createUpdate(INSERT), sandbox, node).execute();
  }

  /** Adds the children of a fork, all or none; the ids must be new. */
  public void insertForks(SandboxRecord parent, List<SandboxRecord> children) {
    database.change(handle -> {
      children.forEach(sandbox -> insert(handle, sandbox, node));
      events.append(handle, ForkEvents.of(parent, children));
    });
  }

  /**
   * Writes everything of a live sandbox of this node but its time of creation and how it was
   * closed.
   *
   * @return whether it was there and live
   */
  public boolean update(SandboxRecord sandbox, Change change) {
    return database.write(handle -> {
      boolean live = bind(handle.createUpdate(UPDATE), sandbox, node).execute() == 1;
      if (live) {
        change.event(sandbox).ifPresent(event -> events.append(handle, event));
      }
      return live;
    });
  }

  /** Writes the secrets of a sandbox that is frozen, whatever its node; false if it is not. */
  public boolean setFrozenSecrets(String id, String secrets) {
    return database.write(handle ->
        handle
                .createUpdate(
                    "update sandboxes set secrets = :secrets where id = :id and state = 'frozen'")
                .bind("id", id)
                .bind("secrets", secrets)
                .execute()
            == 1);
  }

  /**
   * Marks a live sandbox of this node as closed; a closed one keeps its first reason.
   *
   * @return whether it was live
   */
  public boolean close(String id, String reason, Optional<String> message, Instant when) {
    return database.write(handle -> {
      boolean live = close(handle, id, node, reason, message, when);
      if (live) {
        events.append(handle, LifecycleEvent.closed(keyOf(handle, id), id, reason));
      }
      return live;
    });
  }

  private static String keyOf(Handle handle, String id) {
    return handle
        .createQuery("select key_id from sandboxes where id = :id")
        .bind("id", id)
        .mapTo(String.class)
        .one();
  }

  /** {@code from}: only if it is of that node; empty: of whichever. */
  static boolean close(
      Handle handle,
      String id,
      String from,
      String reason,
      Optional<String> message,
      Instant when) {
    return handle
            .createUpdate(CLOSE + " and id = :id and (node = :node or :node = '')")
            .bind("id", id)
            .bind("node", from)
            .bind("reason", reason)
            .bind("message", message.orElse(null))
            .bind("when", when.toEpochMilli())
            .execute()
        == 1;
  }

  /**
   * Closes the winner of a merge and gives its children to the sandbox whose id lives on, both or
   * nothing.
   *
   * @return whether both were live
   */
  public boolean merge(
      String parent, String winner, String reason, Optional<String> message, Instant when) {
    return database.write(handle -> {
      boolean live = lock(handle, parent, winner) == 2;
      if (live) {
        close(handle, winner, node, reason, message, when);
        handle
            .createUpdate("update sandboxes set parent = :parent where parent = :winner")
            .bind("parent", parent)
            .bind("winner", winner)
            .execute();
        String key = keyOf(handle, parent);
        LifecycleEvent merged =
            LifecycleEvent.of(EventType.SANDBOX_MERGED, key, parent).with("winner_id", winner);
        LifecycleEvent closed =
            LifecycleEvent.closed(keyOf(handle, winner), winner, reason)
                .with("merged_into", parent);
        events.append(handle, List.of(merged, closed));
      }
      return live;
    });
  }

  /** How many of them are live and of this node; nobody changes these until the end. */
  private int lock(Handle handle, String one, String other) {
    return handle
        .createUpdate(
            """
            update sandboxes set parent = parent
            where closed_at is null and node = :node and id in (:one, :other)
            """)
        .bind("node", node)
        .bind("one", one)
        .bind("other", other)
        .execute();
  }

  public boolean close(String id, String reason, Instant when) {
    return close(id, reason, Optional.empty(), when);
  }

  /**
   * Closes every live sandbox of this node that is not frozen, for a start after a crash.
   *
   * @param but ids of those that go on
   * @return those that were live, as they were
   */
  public List<SandboxRecord> closeAllLive(String reason, Set<String> but) {
    return database.write(handle -> {
      List<SandboxRecord> live =
          handle
              .createQuery(
                  "select * from sandboxes where "
                      + RUNNING
                      + " and node = :node order by created_at, id")
              .bind("node", node)
              .map(SandboxRecords::record)
              .filter(record -> !but.contains(record.id()))
              .list();
      live.forEach(
          record -> close(handle, record.id(), node, reason, Optional.empty(), clock.instant()));
      events.append(
          handle,
          live.stream().map(it -> LifecycleEvent.closed(it.keyId(), it.id(), reason)).toList());
      return live;
    });
  }

  /** A live sandbox, or the tombstone of a closed one. */
  public Optional<SandboxRecord> find(String id) {
    return database.read(handle ->
        handle
            .createQuery("select * from sandboxes where id = :id")
            .bind("id", id)
            .map(SandboxRecords::record)
            .findOne());
  }

  /**
   * A sandbox and all that were forked from it, over generations, live or remembered; in order of
   * creation, so that a parent comes before its children.
   */
  public List<SandboxRecord> descendants(String id, int limit) {
    return database.read(handle ->
        handle
            .createQuery(
                """
                with recursive family(id) as (
                  select cast(:id as text)
                  union
                  select child.id from sandboxes child join family on child.parent = family.id
                )
                select * from sandboxes where id in (select id from family)
                order by created_at, id limit :limit
                """)
            .bind("id", id)
            .bind("limit", limit)
            .map(SandboxRecords::record)
            .list());
  }

  /** All live sandboxes of all nodes in order of creation. */
  public List<SandboxRecord> live() {
    return database.read(handle ->
        handle
            .createQuery("select * from sandboxes where closed_at is null order by created_at, id")
            .map(SandboxRecords::record)
            .list());
  }

  /** The node whose live sandbox it is; empty for one of this node's, a frozen or a closed one. */
  public Optional<String> nodeElsewhere(String id) {
    return !database.shared()
        ? Optional.empty()
        : database.read(handle ->
            handle
                .createQuery(
                    "select node from sandboxes where id = :id and node <> :node and " + RUNNING)
                .bind("id", id)
                .bind("node", node)
                .mapTo(String.class)
                .findOne());
  }

  /**
   * Live sandboxes of other nodes that are not frozen, in order of creation. One whose lifetime is
   * over is left out: its node may be gone, and can say nothing of it.
   */
  public List<SandboxRecord> liveElsewhere() {
    return !database.shared()
        ? List.of()
        : database.read(handle ->
            handle
                .createQuery(
                    "select * from sandboxes where node <> :node and "
                        + RUNNING
                        + " and (expires_at > :now or state = 'paused') order by created_at, id")
                .bind("node", node)
                .bind("now", clock.millis())
                .map(SandboxRecords::record)
                .list());
  }

  /** Frozen sandboxes, of whichever node. */
  public List<SandboxRecord> frozen() {
    return database.read(handle ->
        handle
            .createQuery("select * from sandboxes where closed_at is null and state = 'frozen'")
            .map(SandboxRecords::record)
            .list());
  }

  /** Ids of sandboxes that have a volume mounted: live ones of all nodes, frozen ones too. */
  public List<String> mounting(String volumeId) {
    return database.read(handle ->
        handle
            .createQuery(
                """
                select id from sandboxes where closed_at is null and mounts like :volume escape '!'
                order by created_at, id
                """)
            .bind("volume", mentioning(volumeId))
            .mapTo(String.class)
            .list());
  }

  /** What mounts that have a volume are like, with {@code !} as the escape. */
  static String mentioning(String volumeId) {
    return "%" + volumeId.replace("_", "!_") + "%";
  }

  /** Live sandboxes of one key in order of creation. */
  public List<SandboxRecord> live(String keyId) {
    return database.read(handle ->
        handle
            .createQuery(
                """
                select * from sandboxes where closed_at is null and key_id = :keyId
                order by created_at, id
                """)
            .bind("keyId", keyId)
            .map(SandboxRecords::record)
            .list());
  }

  /** Sandboxes that were closed at or after an instant, oldest closing first. */
  public List<SandboxRecord> closedSince(Instant since) {
    return database.read(handle ->
        handle
            .createQuery("select * from sandboxes where closed_at >= :since order by closed_at, id")
            .bind("since", since.toEpochMilli())
            .map(SandboxRecords::record)
            .list());
  }

  /**
   * Forgets what was closed more than {@link #TOMBSTONE_LIFE} ago.
   *
   * @return how many were forgotten
   */
  public int purgeTombstones() {
    long limit = clock.instant().minus(TOMBSTONE_LIFE).toEpochMilli();
    return database.write(handle ->
        handle
            .createUpdate("delete from sandboxes where closed_at < :limit")
            .bind("limit", limit)
            .execute());
  }

  private static Update bind(Update update, SandboxRecord sandbox, String node) {
    return update
        .bind("node", node)
        .bind("id", sandbox.id())
        .bind("keyId", sandbox.keyId())
        .bind("template", sandbox.template())
        .bind("state", sandbox.state())
        .bind("vcpus", sandbox.vcpus())
        .bind("memory", sandbox.memoryMebibytes())
        .bind("disk", sandbox.diskGibibytes())
        .bind("persistent", sandbox.persistent() ? 1 : 0)
        .bind("autoResume", sandbox.autoResume() ? 1 : 0)
        .bind("undo", sandbox.undo())
        .bind("network", sandbox.network())
        .bind("mounts", sandbox.mounts())
        .bind("secrets", sandbox.secrets())
        .bind("env", JsonText.of(sandbox.env()))
        .bind("metadata", JsonText.of(sandbox.metadata()))
        .bind("parent", sandbox.parent().orElse(null))
        .bind("createdAt", sandbox.createdAt().toEpochMilli())
        .bind("expiresAt", sandbox.expiresAt().toEpochMilli())
        .bind("timeout", sandbox.timeout().toMillis())
        .bind("idleTimeout", sandbox.idleTimeout().toMillis())
        .bind("closedAt", sandbox.closedAt().map(Instant::toEpochMilli).orElse(null))
        .bind("closeReason", sandbox.closeReason().orElse(null))
        .bind("closeMessage", sandbox.closeMessage().orElse(null));
  }

  private static SandboxRecord record(ResultSet row, StatementContext context) throws SQLException {
    return new SandboxRecord(
        row.getString("id"),
        row.getString("key_id"),
        row.getString("template"),
        row.getString("state"),
        row.getInt("vcpus"),
        row.getInt("memory_mebibytes"),
        row.getInt("disk_gibibytes"),
        row.getInt("persistent") == 1,
        row.getInt("auto_resume") == 1,
        row.getInt("undo"),
        row.getString("network"),
        row.getString("mounts"),
        row.getString("secrets"),
        JsonText.map(row.getString("env")),
        JsonText.map(row.getString("metadata")),
        Optional.ofNullable(row.getString("parent")),
        Instant.ofEpochMilli(row.getLong("created_at")),
        Instant.ofEpochMilli(row.getLong("expires_at")),
        Duration.ofMillis(row.getLong("timeout")),
        Duration.ofMillis(row.getLong("idle_timeout")),
        Columns.instant(row, "closed_at"),
        Optional.ofNullable(row.getString("close_reason")),
        Optional.ofNullable(row.getString("close_message")));
  }
}
