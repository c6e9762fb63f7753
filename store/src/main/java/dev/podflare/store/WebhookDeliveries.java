package dev.podflare.store;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.StatementContext;

/**
 * What is to be sent to webhooks. An attempt begins by a claim, which moves the next attempt to a
 * time at which this one has ended in any case; so two daemons do not send the same, and what a
 * killed daemon was sending is sent again. Of a sandbox only the first event can be claimed: the
 * next one's turn comes when that was taken or given up. Thread-safe.
 */
public final class WebhookDeliveries {
  private final Database database;

  WebhookDeliveries(Database database) {
    this.database = database;
  }

  /**
   * Puts those events of a page that the webhook wants in its queue, and moves its position.
   *
   * @param webhook as it was read; if somebody has moved its position since, nothing happens
   * @return whether it was so
   */
  public boolean enqueue(
      WebhookRecord webhook, List<EventRecord> wanted, long position, Instant now) {
    return database.write(handle -> {
      boolean first =
          handle
                  .createUpdate(
                      """
                      update webhooks set position = :new
                      where id = :id and position = :old and disabled_at is null
                      """)
                  .bind("id", webhook.id())
                  .bind("old", webhook.position())
                  .bind("new", position)
                  .execute()
              == 1;
      if (first) {
        wanted.forEach(event -> insert(handle, webhook.id(), event, now));
      }
      return first;
    });
  }

  private static void insert(Handle handle, String webhookId, EventRecord event, Instant now) {
    handle
        .createUpdate(
            """
            insert into webhook_deliveries (webhook_id, event_id, sandbox_id, attempts, next_at)
            values (:webhook, :event, :sandbox, 0, :now)
            """)
        .bind("webhook", webhookId)
        .bind("event", event.id())
        .bind("sandbox", event.sandboxId())
        .bind("now", now.toEpochMilli())
        .execute();
  }

  /** Webhooks for which something may be due. */
  public List<String> dueWebhooks(Instant now) {
    return database.read(handle ->
        handle
            .createQuery("select distinct webhook_id from webhook_deliveries where next_at <= :now")
            .bind("now", now.toEpochMilli())
            .mapTo(String.class)
            .list());
  }

  /** What may be sent to a webhook now, of each sandbox only the first. */
  public List<WebhookDelivery> due(String webhookId, Instant now, int limit) {
    return database.read(handle ->
        handle
            .createQuery(
                """
                select * from webhook_deliveries d
                where webhook_id = :webhook and next_at <= :now and not exists
                  (select 1 from webhook_deliveries e where e.webhook_id = d.webhook_id
                    and e.sandbox_id = d.sandbox_id and e.event_id < d.event_id)
                order by event_id limit :limit
                """)
            .bind("webhook", webhookId)
            .bind("now", now.toEpochMilli())
            .bind("limit", limit)
            .map(WebhookDeliveries::delivery)
            .list());
  }

  /**
   * Begins an attempt.
   *
   * @param until when it has ended in any case
   * @return empty if somebody else has begun it
   */
  public Optional<WebhookDelivery> claim(WebhookDelivery due, Instant now, Instant until) {
    WebhookDelivery claimed = due.claimed(now, until);
    boolean ours =
        database.write(handle ->
            handle
                .createUpdate(
                    """
                    update webhook_deliveries
                    set attempts = :attempts, first_at = :first, next_at = :next
                    where webhook_id = :webhook and event_id = :event and next_at = :old
                    """)
                .bind("webhook", due.webhookId())
                .bind("event", due.eventId())
                .bind("old", due.nextAt().toEpochMilli())
                .bind("attempts", claimed.attempts())
                .bind("first", claimed.firstAt().orElse(now).toEpochMilli())
                .bind("next", until.toEpochMilli())
                .execute())
            == 1;
    return ours ? Optional.of(claimed) : Optional.empty();
  }

  /** The receiver has taken it. */
  public void taken(WebhookDelivery delivery, Instant now) {
    database.change(handle -> {
      delete(handle, delivery);
      handle
          .createUpdate(
              """
              update webhooks set last_success_at = :now, failing_since = null, last_error = null
              where id = :id
              """)
          .bind("id", delivery.webhookId())
          .bind("now", now.toEpochMilli())
          .execute();
    });
  }

  /** It was not taken; it is tried again at {@code next}, or given up if that is empty. */
  public void failed(WebhookDelivery delivery, String error, Optional<Instant> next, Instant now) {
    database.change(handle -> {
      if (next.isPresent()) {
        postpone(handle, delivery, next.get());
      } else {
        delete(handle, delivery);
      }
      handle
          .createUpdate(
              """
              update webhooks set last_error = :error, failing_since = coalesce(failing_since, :now)
              where id = :id
              """)
          .bind("id", delivery.webhookId())
          .bind("error", error)
          .bind("now", now.toEpochMilli())
          .execute();
    });
  }

  /** What is to come comes so much earlier: the clock by which it was put off was set back. */
  public void bringForward(Duration time) {
    database.change(handle ->
        handle
            .createUpdate("update webhook_deliveries set next_at = next_at - :time")
            .bind("time", time.toMillis())
            .execute());
  }

  /** An attempt was broken off for a reason of ours: another may begin at once. */
  public void release(WebhookDelivery delivery, Instant now) {
    database.change(handle -> postpone(handle, delivery, now));
  }

  private static void postpone(Handle handle, WebhookDelivery delivery, Instant next) {
    handle
        .createUpdate(
            """
            update webhook_deliveries set next_at = :next
            where webhook_id = :webhook and event_id = :event
            """)
        .bind("webhook", delivery.webhookId())
        .bind("event", delivery.eventId())
        .bind("next", next.toEpochMilli())
        .execute();
  }

  private static void delete(Handle handle, WebhookDelivery delivery) {
    handle
        .createUpdate(
            "delete from webhook_deliveries where webhook_id = :webhook and event_id = :event")
        .bind("webhook", delivery.webhookId())
        .bind("event", delivery.eventId())
        .execute();
  }

  private static WebhookDelivery delivery(ResultSet row, StatementContext context)
      throws SQLException {
    return new WebhookDelivery(
        row.getString("webhook_id"),
        row.getLong("event_id"),
        row.getString("sandbox_id"),
        row.getInt("attempts"),
        Columns.instant(row, "first_at"),
        Instant.ofEpochMilli(row.getLong("next_at")));
  }
}
