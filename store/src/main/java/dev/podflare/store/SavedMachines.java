package dev.podflare.store;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.StatementContext;

/**
 * Spaces and snapshots; each call is one short transaction, also where the sandbox's own record
 * changes with them. Thread-safe.
 */
public final class SavedMachines {
  private static final String INSERT =
      """
      insert into saved_machines (id, kind, key_id, name, sandbox_id, checkpoint, template,
        template_digest, image, vcpus, memory_mebibytes, disk_gibibytes, persistent, auto_resume,
        undo, network, mounts, secrets, env, metadata, timeout, idle_timeout, time_left, own_bytes, stored_bytes,
        created_at, expires_at)
      values (:id, :kind, :keyId, :name, :sandboxId, :checkpoint, :template, :templateDigest,
        :image, :vcpus, :memory, :disk, :persistent, :autoResume, :undo, :network, :mounts, :secrets, :env, :metadata,
        :timeout, :idleTimeout, :timeLeft, :ownBytes, :storedBytes, :createdAt, :expiresAt)
      """;

  /** The unique index of names decides, so that of two at once one is refused. */
  private static final String IF_FREE =
      "on conflict (key_id, name) where name is not null do nothing";

  private static final String READY = "ready";

  private final Database database;
  private final Events events;
  private final String node;

  SavedMachines(Database database, Events events, String node) {
    this.database = database;
    this.events = events;
    this.node = node;
  }

  /** Adds a snapshot; false if the owner has one of that name. */
  public boolean insert(SavedMachine saved) {
    return database.write(handle -> {
      boolean free = insert(handle, saved, INSERT + IF_FREE) == 1;
      if (free) {
        events.append(handle, SavedEvents.snapshotCreated(saved));
      }
      return free;
    });
  }

  /**
   * A sandbox of this node is the Space from now on, and its last checkpoint before is needed no
   * more.
   *
   * @param reason word for programs
   * @return whether the sandbox was live; if not, nothing has changed
   */
  public boolean freeze(SavedMachine space, String reason) {
    return database.write(handle -> {
      boolean live = freeze(handle, space.sandboxId());
      if (live) {
        handle
            .createUpdate("delete from saved_machines where sandbox_id = :id and kind = 'last'")
            .bind("id", space.sandboxId())
            .execute();
        insert(handle, space, INSERT);
        events.append(handle, SavedEvents.frozen(space, reason));
      }
      return live;
    });
  }

  /**
   * The frozen sandbox is live again, on this node; the Space stays as the last checkpoint of a
   * persistent one, else it is gone.
   *
   * @return whether the Space was there; if not, nothing has changed
   */
  public boolean wake(SavedMachine space, Instant expiresAt) {
    return database.write(handle -> {
      boolean there = useUp(handle, space, space.sandboxId());
      if (there) {
        wake(handle, space.sandboxId(), expiresAt);
        events.append(handle, SavedEvents.woken(space));
      }
      return there;
    });
  }

  /**
   * A new sandbox goes on with the Space, and the one that was frozen is closed.
   *
   * @param fresh its record
   * @return whether the Space was there; if not, nothing has changed
   */
  public boolean moveTo(SavedMachine space, SandboxRecord fresh, String reason, String message) {
    return database.write(handle -> {
      boolean there = useUp(handle, space, fresh.id());
      if (there) {
        SandboxRecords.close(
            handle, space.sandboxId(), "", reason, Optional.of(message), fresh.createdAt());
        SandboxRecords.insert(handle, fresh, node);
        events.append(handle, SavedEvents.moved(space, fresh, reason));
      }
      return there;
    });
  }

  private static boolean useUp(Handle handle, SavedMachine space, String sandboxId) {
    if (space.persistent()) {
      return handle
              .createUpdate(
                  """
                  update saved_machines set kind = 'last', sandbox_id = :sandbox
                  where id = :id and kind = 'space'
                  """)
              .bind("id", space.id())
              .bind("sandbox", sandboxId)
              .execute()
          == 1;
    }
    return handle
            .createUpdate("delete from saved_machines where id = :id and kind = 'space'")
            .bind("id", space.id())
            .execute()
        == 1;
  }

  /**
   * Live sandboxes that this node had woken and lost are frozen again, as they were before.
   *
   * @param but ids of those that go on
   */
  public List<SavedMachine> restoreLast(Set<String> but) {
    return database.write(handle -> {
      List<SavedMachine> lost =
          handle
              .createQuery(
                  """
                  select * from saved_machines where kind = 'last' and sandbox_id in
                    (select id from sandboxes where closed_at is null and state <> 'frozen' and node = :node)
                  """)
              .bind("node", node)
              .map(SavedMachines::saved)
              .filter(last -> !but.contains(last.sandboxId()))
              .list();
      lost.forEach(last -> becomeSpace(handle, last));
      events.append(handle, lost.stream().map(SavedEvents::lost).toList());
      return lost;
    });
  }

  /**
   * A live sandbox that has lost its machine is what it was when it was last frozen, if it was.
   *
   * @param reason for its event
   * @return whether there is such a checkpoint; if not, nothing has changed
   */
  public boolean fallBack(String sandboxId, String reason) {
    return database.write(handle -> {
      Optional<SavedMachine> last =
          handle
              .createQuery(
                  """
                  select * from saved_machines where kind = 'last' and sandbox_id in
                    (select id from sandboxes where id = :id and closed_at is null
                      and state <> 'frozen' and node = :node)
                  """)
              .bind("id", sandboxId)
              .bind("node", node)
              .map(SavedMachines::saved)
              .findOne();
      last.ifPresent(space -> {
        becomeSpace(handle, space);
        events.append(handle, SavedEvents.frozen(space, reason));
      });
      return last.isPresent();
    });
  }

  private void becomeSpace(Handle handle, SavedMachine last) {
    freeze(handle, last.sandboxId());
    handle
        .createUpdate("update saved_machines set kind = 'space' where id = :id")
        .bind("id", last.id())
        .execute();
  }

  /**
   * Removes a Space or snapshot. The sandbox of a Space is closed with it.
   *
   * @return whether it was there
   */
  public boolean delete(SavedMachine saved, String reason, String message, Instant now) {
    return database.write(handle -> {
      boolean there =
          handle
                  .createUpdate("delete from saved_machines where id = :id and kind = :kind")
                  .bind("id", saved.id())
                  .bind("kind", saved.kind().wireName())
                  .execute()
              == 1;
      if (there && saved.kind() == SavedMachine.Kind.SPACE) {
        SandboxRecords.close(handle, saved.sandboxId(), "", reason, Optional.of(message), now);
      }
      if (there) {
        events.append(handle, SavedEvents.deleted(saved, reason));
      }
      return there;
    });
  }

  /** Removes last checkpoints whose sandbox is not live any more. Returns how many. */
  public int deleteStrayLast() {
    return database.write(handle ->
        handle
            .createUpdate(
                """
                delete from saved_machines where kind = 'last' and sandbox_id not in
                  (select id from sandboxes where closed_at is null)
                """)
            .execute());
  }

  /** A Space or snapshot that is to be seen. */
  public Optional<SavedMachine> find(String id) {
    return one("id = :value and kind <> 'last'", id);
  }

  /** The Space that a sandbox is frozen in. */
  public Optional<SavedMachine> ofFrozen(String sandboxId) {
    return one("sandbox_id = :value and kind = 'space'", sandboxId);
  }

  private Optional<SavedMachine> one(String condition, String value) {
    return database.read(handle ->
        handle
            .createQuery("select * from saved_machines where " + condition)
            .bind("value", value)
            .map(SavedMachines::saved)
            .findOne());
  }

  /** By time; {@code keyId} empty: of all keys. */
  public List<SavedMachine> list(SavedMachine.Kind kind, Optional<String> keyId) {
    return database.read(handle ->
        handle
            .createQuery(
                """
                select * from saved_machines where kind = :kind and (:key is null or key_id = :key)
                order by created_at, id
                """)
            .bind("kind", kind.wireName())
            .bind("key", keyId.orElse(null))
            .map(SavedMachines::saved)
            .list());
  }

  /** What all of a key's have added to the checkpoint store, in bytes. */
  public long storedBytes(String keyId) {
    return database.read(handle ->
        handle
            .createQuery(
                "select coalesce(sum(stored_bytes), 0) from saved_machines where key_id = :key")
            .bind("key", keyId)
            .mapTo(Long.class)
            .one());
  }

  /** Those whose time is over. */
  public List<SavedMachine> expired(Instant now) {
    return database.read(handle ->
        handle
            .createQuery("select * from saved_machines where expires_at <= :now and kind <> 'last'")
            .bind("now", now.toEpochMilli())
            .map(SavedMachines::saved)
            .list());
  }

  /** Names of snapshots whose sandboxes would have a volume mounted. */
  public List<String> mounting(String volumeId) {
    return database.read(handle ->
        handle
            .createQuery(
                """
                select coalesce(name, id) from saved_machines
                where kind = 'snapshot' and mounts like :volume escape '!'
                order by created_at, id
                """)
            .bind("volume", SandboxRecords.mentioning(volumeId))
            .mapTo(String.class)
            .list());
  }

  /** Checkpoints that any saved machine has. */
  public Set<String> checkpoints() {
    return column("checkpoint");
  }

  /** Frozen shapes that any checkpoint stands on. */
  public Set<String> images() {
    return column("image");
  }

  private Set<String> column(String name) {
    return database.read(handle ->
        new TreeSet<>(
            handle
                .createQuery("select distinct " + name + " from saved_machines")
                .mapTo(String.class)
                .list()));
  }

  private boolean freeze(Handle handle, String sandboxId) {
    return handle
            .createUpdate(
                """
                update sandboxes set state = :state
                where id = :id and closed_at is null and node = :node
                """)
            .bind("id", sandboxId)
            .bind("state", SandboxRecord.FROZEN)
            .bind("node", node)
            .execute()
        == 1;
  }

  private void wake(Handle handle, String sandboxId, Instant expiresAt) {
    handle
        .createUpdate(
            """
            update sandboxes set state = :state, expires_at = :expires, node = :node
            where id = :id and closed_at is null
            """)
        .bind("id", sandboxId)
        .bind("state", READY)
        .bind("expires", expiresAt.toEpochMilli())
        .bind("node", node)
        .execute();
  }

  private static int insert(Handle handle, SavedMachine saved, String statement) {
    return handle
        .createUpdate(statement)
        .bind("id", saved.id())
        .bind("kind", saved.kind().wireName())
        .bind("keyId", saved.keyId())
        .bind("name", saved.name().orElse(null))
        .bind("sandboxId", saved.sandboxId())
        .bind("checkpoint", saved.checkpoint())
        .bind("template", saved.template())
        .bind("templateDigest", saved.templateDigest())
        .bind("image", saved.image())
        .bind("vcpus", saved.vcpus())
        .bind("memory", saved.memoryMebibytes())
        .bind("disk", saved.diskGibibytes())
        .bind("persistent", saved.persistent() ? 1 : 0)
        .bind("autoResume", saved.autoResume() ? 1 : 0)
        .bind("undo", saved.undo())
        .bind("network", saved.network())
        .bind("mounts", saved.mounts())
        .bind("secrets", saved.secrets())
        .bind("env", JsonText.of(saved.env()))
        .bind("metadata", JsonText.of(saved.metadata()))
        .bind("timeout", saved.timeout().toMillis())
        .bind("idleTimeout", saved.idleTimeout().toMillis())
        .bind("timeLeft", saved.timeLeft().toMillis())
        .bind("ownBytes", saved.ownBytes())
        .bind("storedBytes", saved.storedBytes())
        .bind("createdAt", saved.createdAt().toEpochMilli())
        .bind("expiresAt", saved.expiresAt().map(Instant::toEpochMilli).orElse(null))
        .execute();
  }

  private static SavedMachine saved(ResultSet row, StatementContext context) throws SQLException {
    return new SavedMachine(
        row.getString("id"),
        SavedMachine.Kind.valueOf(row.getString("kind").toUpperCase(Locale.ROOT)),
        row.getString("key_id"),
        Optional.ofNullable(row.getString("name")),
        row.getString("sandbox_id"),
        row.getString("checkpoint"),
        row.getString("template"),
        row.getString("template_digest"),
        row.getString("image"),
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
        Duration.ofMillis(row.getLong("timeout")),
        Duration.ofMillis(row.getLong("idle_timeout")),
        Duration.ofMillis(row.getLong("time_left")),
        row.getLong("own_bytes"),
        row.getLong("stored_bytes"),
        Instant.ofEpochMilli(row.getLong("created_at")),
        Columns.instant(row, "expires_at"));
  }
}
