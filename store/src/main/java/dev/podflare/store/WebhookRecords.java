package dev.podflare.store;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.StatementContext;

/** Where events are to be sent; each call is one short transaction. Thread-safe. */
public final class WebhookRecords {
  private static final String INSERT =
      """
      insert into webhooks (id, key_id, all_keys, url, secret, types, position, created_at)
      select :id, :keyId, :allKeys, :url, :secret, :types, last, :createdAt from event_counter
      """;

  private static final String ENABLED =
      "disabled_at is null and key_id not in (select id from api_keys where revoked_at is not null)";

  private final Database database;

  WebhookRecords(Database database) {
    this.database = database;
  }

  /**
   * Adds one, which gets what happens from now on.
   *
   * @return whether its key had fewer than {@code most}; if not, nothing has changed
   */
  public boolean insert(WebhookRecord webhook, int most) {
    return database.write(handle -> {
      boolean room =
          handle
                  .createQuery("select count(*) from webhooks where key_id = :key")
                  .bind("key", webhook.keyId())
                  .mapTo(Integer.class)
                  .one()
              < most;
      if (room) {
        handle
            .createUpdate(INSERT)
            .bind("id", webhook.id())
            .bind("keyId", webhook.keyId())
            .bind("allKeys", webhook.allKeys() ? 1 : 0)
            .bind("url", webhook.url())
            .bind("secret", webhook.secret())
            .bind("types", JsonText.of(webhook.types()))
            .bind("createdAt", webhook.createdAt().toEpochMilli())
            .execute();
      }
      return room;
    });
  }

  public Optional<WebhookRecord> find(String id) {
    return database.read(handle ->
        handle
            .createQuery("select * from webhooks where id = :id")
            .bind("id", id)
            .map(WebhookRecords::webhook)
            .findOne());
  }

  /** By time; {@code keyId} empty: of all keys. */
  public List<WebhookRecord> list(Optional<String> keyId) {
    String condition = keyId.isPresent() ? "where key_id = :keyId " : "";
    return database.read(handle -> {
      var query =
          handle.createQuery("select * from webhooks " + condition + "order by created_at, id");
      keyId.ifPresent(key -> query.bind("keyId", key));
      return query.map(WebhookRecords::webhook).list();
    });
  }

  /** Those that are to get something: not disabled, and of a key that was not revoked. */
  public List<WebhookRecord> enabled() {
    return database.read(handle ->
        handle
            .createQuery("select * from webhooks where " + ENABLED + " order by created_at, id")
            .map(WebhookRecords::webhook)
            .list());
  }

  /** One if it is to get something. */
  public Optional<WebhookRecord> findEnabled(String id) {
    return database.read(handle ->
        handle
            .createQuery("select * from webhooks where id = :id and " + ENABLED)
            .bind("id", id)
            .map(WebhookRecords::webhook)
            .findOne());
  }

  /** How many events wait to be sent to it. */
  public long pending(String id) {
    return database.read(handle ->
        handle
            .createQuery("select count(*) from webhook_deliveries where webhook_id = :id")
            .bind("id", id)
            .mapTo(Long.class)
            .one());
  }

  /**
   * Removes one with all that waits for it.
   *
   * @return whether it was there
   */
  public boolean delete(String id) {
    return database.write(handle -> {
      forgetDeliveries(handle, id);
      return handle.createUpdate("delete from webhooks where id = :id").bind("id", id).execute()
          == 1;
    });
  }

  /** It gets nothing any more, neither what waits nor what comes. */
  public void disable(String id, String reason, Instant now) {
    database.change(handle -> {
      forgetDeliveries(handle, id);
      handle
          .createUpdate(
              """
              update webhooks set disabled_at = :now, disabled_reason = :reason
              where id = :id and disabled_at is null
              """)
          .bind("id", id)
          .bind("reason", reason)
          .bind("now", now.toEpochMilli())
          .execute();
    });
  }

  private static void forgetDeliveries(Handle handle, String id) {
    handle
        .createUpdate("delete from webhook_deliveries where webhook_id = :id")
        .bind("id", id)
        .execute();
  }

  private static WebhookRecord webhook(ResultSet row, StatementContext context)
      throws SQLException {
    return new WebhookRecord(
        row.getString("id"),
        row.getString("key_id"),
        row.getInt("all_keys") == 1,
        row.getString("url"),
        row.getString("secret"),
        JsonText.list(row.getString("types")),
        row.getLong("position"),
        Instant.ofEpochMilli(row.getLong("created_at")),
        Columns.instant(row, "failing_since"),
        Columns.instant(row, "last_success_at"),
        Optional.ofNullable(row.getString("last_error")),
        Columns.instant(row, "disabled_at"),
        Optional.ofNullable(row.getString("disabled_reason")));
  }
}
