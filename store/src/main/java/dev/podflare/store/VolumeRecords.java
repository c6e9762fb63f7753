package dev.podflare.store;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jdbi.v3.core.statement.StatementContext;

/** Which volumes there are; each call is one short transaction. Thread-safe. */
public final class VolumeRecords {
  private static final String INSERT =
      """
      insert into volumes (id, key_id, name, node, max_bytes, created_at)
      values (:id, :keyId, :name, :node, :maxBytes, :createdAt)
      on conflict (key_id, name) do nothing
      """;

  private final Database database;

  VolumeRecords(Database database) {
    this.database = database;
  }

  /** What became of a new one. */
  public enum Outcome {
    MADE,

    /** The key has one of this name. */
    EXISTS,

    /** The key has as many as it may. */
    TOO_MANY
  }

  /** Adds one, unless its key has {@code most} already, or one of its name. */
  public Outcome insert(VolumeRecord volume, int most) {
    return database.write(handle -> {
      int there =
          handle
              .createQuery("select count(*) from volumes where key_id = :key and name <> :name")
              .bind("key", volume.keyId())
              .bind("name", volume.name())
              .mapTo(Integer.class)
              .one();
      int made =
          there >= most
              ? 0
              : handle
                  .createUpdate(INSERT)
                  .bind("id", volume.id())
                  .bind("keyId", volume.keyId())
                  .bind("name", volume.name())
                  .bind("node", volume.node())
                  .bind("maxBytes", volume.maxBytes())
                  .bind("createdAt", volume.createdAt().toEpochMilli())
                  .execute();
      if (made == 1) {
        return Outcome.MADE;
      }
      return there >= most ? Outcome.TOO_MANY : Outcome.EXISTS;
    });
  }

  public Optional<VolumeRecord> find(String id) {
    return database.read(handle ->
        handle
            .createQuery("select * from volumes where id = :id")
            .bind("id", id)
            .map(VolumeRecords::volume)
            .findOne());
  }

  public Optional<VolumeRecord> named(String keyId, String name) {
    return database.read(handle ->
        handle
            .createQuery("select * from volumes where key_id = :key and name = :name")
            .bind("key", keyId)
            .bind("name", name)
            .map(VolumeRecords::volume)
            .findOne());
  }

  /** By name; {@code keyId} empty: of all keys. */
  public List<VolumeRecord> list(Optional<String> keyId) {
    String condition = keyId.isPresent() ? "where key_id = :keyId " : "";
    return database.read(handle -> {
      var query = handle.createQuery("select * from volumes " + condition + "order by name, id");
      keyId.ifPresent(key -> query.bind("keyId", key));
      return query.map(VolumeRecords::volume).list();
    });
  }

  /** Forgets one; whether it was there. */
  public boolean delete(String id) {
    return database.write(handle ->
        handle.createUpdate("delete from volumes where id = :id").bind("id", id).execute() == 1);
  }

  private static VolumeRecord volume(ResultSet row, StatementContext context) throws SQLException {
    return new VolumeRecord(
        row.getString("id"),
        row.getString("key_id"),
        row.getString("name"),
        row.getString("node"),
        row.getLong("max_bytes"),
        Instant.ofEpochMilli(row.getLong("created_at")));
  }
}
