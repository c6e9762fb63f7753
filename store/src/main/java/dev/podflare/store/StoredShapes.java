package dev.podflare.store;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jdbi.v3.core.statement.StatementContext;

/**
 * Which frozen shapes are in the checkpoint store. A row is a promise: while it is there, so is the
 * stored shape. Whoever relies on one says so first ({@link #need}), and nobody forgets one that
 * was needed lately; so a checkpoint may be recorded some time after its shape was. Thread-safe.
 */
public final class StoredShapes {
  private final Database database;
  private final Clock clock;

  StoredShapes(Database database, Clock clock) {
    this.database = database;
    this.clock = clock;
  }

  /** The shape, which nobody forgets for a while from now on. */
  public Optional<StoredShape> need(String image) {
    return database.write(handle -> {
      handle
          .createUpdate("update stored_shapes set needed_at = :now where image = :image")
          .bind("now", clock.millis())
          .bind("image", image)
          .execute();
      return handle
          .createQuery("select * from stored_shapes where image = :image")
          .bind("image", image)
          .map(StoredShapes::shape)
          .findOne();
    });
  }

  /** False if there is one of that image already; then nothing has changed. */
  public boolean add(StoredShape shape) {
    return database.write(handle ->
        handle
                .createUpdate(
                    """
                    insert into stored_shapes (image, checkpoint, template, template_digest,
                      stored_bytes, needed_at)
                    values (:image, :checkpoint, :template, :digest, :bytes, :now)
                    on conflict do nothing
                    """)
                .bind("image", shape.image())
                .bind("checkpoint", shape.checkpoint())
                .bind("template", shape.template())
                .bind("digest", shape.templateDigest())
                .bind("bytes", shape.storedBytes())
                .bind("now", clock.millis())
                .execute()
            == 1);
  }

  public Optional<StoredShape> find(String image) {
    return database.read(handle ->
        handle
            .createQuery("select * from stored_shapes where image = :image")
            .bind("image", image)
            .map(StoredShapes::shape)
            .findOne());
  }

  /** Images of all of them. */
  public Set<String> images() {
    return column("image");
  }

  /** Checkpoints of all of them. */
  public Set<String> checkpoints() {
    return column("checkpoint");
  }

  private Set<String> column(String name) {
    return database.read(handle ->
        new TreeSet<>(
            handle
                .createQuery("select " + name + " from stored_shapes")
                .mapTo(String.class)
                .list()));
  }

  /** Forgets those that no saved machine stands on and that were last needed before. */
  public int forget(Instant before) {
    return database.write(handle ->
        handle
            .createUpdate(
                """
                delete from stored_shapes where needed_at < :before
                  and image not in (select image from saved_machines)
                """)
            .bind("before", before.toEpochMilli())
            .execute());
  }

  /**
   * Forgets those whose checkpoint is none of these, which were listed after {@code before} was
   * asked for: somebody has lost them.
   *
   * @param before checkpoints of all of them, some time ago
   */
  public int forgetLost(Set<String> before, Set<String> present) {
    Set<String> lost = new TreeSet<>(before);
    lost.removeAll(present);
    return lost.isEmpty()
        ? 0
        : database.write(handle ->
            handle
                .createUpdate("delete from stored_shapes where checkpoint in (<lost>)")
                .bindList("lost", lost)
                .execute());
  }

  private static StoredShape shape(ResultSet row, StatementContext context) throws SQLException {
    return new StoredShape(
        row.getString("image"),
        row.getString("checkpoint"),
        row.getString("template"),
        row.getString("template_digest"),
        row.getLong("stored_bytes"));
  }
}
