package dev.podflare.store;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.StatementContext;
import tools.jackson.databind.json.JsonMapper;

/**
 * What has happened to sandboxes and snapshots, in one order. An event is written in the
 * transaction that changes the record, as the last thing of it: there is none without its change,
 * and no change without its event. The numbers come from a row that the transaction holds until it
 * commits, so they become visible in their order, whichever daemon wrote them. Thread-safe.
 */
public final class Events {
  /** How long an event is kept. */
  public static final Duration LIFE = Duration.ofDays(7);

  /** How many are kept; of more, the oldest are forgotten first. */
  public static final long MOST = 1_000_000;

  /** Another daemon's events are looked for this often. */
  private static final Duration LOOK = Duration.ofSeconds(1);

  private static final int PURGED_AT_ONCE = 10_000;
  private static final JsonMapper JSON = JsonMapper.shared();
  private static final String INSERT =
      """
      insert into events (id, key_id, type, sandbox_id, data, created_at)
      values (:id, :keyId, :type, :sandboxId, :data, :now)
      """;

  private final Database database;
  private final Clock clock;
  private final EventSignal signal = new EventSignal();

  Events(Database database, Clock clock) {
    this.database = database;
    this.clock = clock;
  }

  private record Span(long forgotten, long last) {}

  /** The last thing of a transaction: nobody else gets a number until it ends. */
  void append(Handle handle, List<LifecycleEvent> events) {
    if (events.isEmpty()) {
      return;
    }
    long id =
        handle
                .createQuery("update event_counter set last = last + :count returning last")
                .bind("count", events.size())
                .mapTo(Long.class)
                .one()
            - events.size();
    for (LifecycleEvent event : events) {
      handle
          .createUpdate(INSERT)
          .bind("id", ++id)
          .bind("keyId", event.keyId())
          .bind("type", event.type().wireName())
          .bind("sandboxId", event.sandboxId())
          .bind("data", JSON.writeValueAsString(event.data()))
          .bind("now", clock.millis())
          .execute();
    }
    handle.afterCommit(signal::raise);
  }

  void append(Handle handle, LifecycleEvent event) {
    append(handle, List.of(event));
  }

  /** A sandbox goes on where a snapshot was taken; its record stays as it is. */
  public void rolledBack(SandboxRecord sandbox, String snapshotId) {
    LifecycleEvent event =
        LifecycleEvent.of(EventType.SANDBOX_ROLLED_BACK, sandbox).with("snapshot_id", snapshotId);
    database.change(handle -> append(handle, event));
  }

  /** A sandbox goes on where it was before its last {@code calls}; its record stays as it is. */
  public void undone(SandboxRecord sandbox, int calls) {
    LifecycleEvent event =
        LifecycleEvent.of(EventType.SANDBOX_UNDONE, sandbox).with("calls", calls);
    database.change(handle -> append(handle, event));
  }

  /** Number of the latest event; 0 before the first. */
  public long last() {
    return span().last();
  }

  /** Number that the oldest event which is kept comes after. */
  public long forgotten() {
    return span().forgotten();
  }

  /**
   * The events that come after a number.
   *
   * @param keyId empty: of all keys
   * @throws PodflareException {@code EVENTS_GONE} if some of them may not be kept any more, or if
   *     there has been no such number yet
   */
  public EventPage after(long id, Optional<String> keyId, int limit) {
    // Before the events: what is committed by now is in what is read after.
    Span before = span();
    List<EventRecord> events = read(id, keyId, limit);
    // After them: what is forgotten from now on has been read.
    long forgotten = span().forgotten();
    if (id < forgotten || id > before.last()) {
      throw gone(id, forgotten, before.last());
    }
    if (events.size() == limit) {
      return new EventPage(events, events.getLast().id());
    }
    long read = events.isEmpty() ? id : events.getLast().id();
    return new EventPage(events, Math.max(read, before.last()));
  }

  private static PodflareException gone(long id, long forgotten, long last) {
    return new PodflareException(
        ErrorCode.EVENTS_GONE,
        id < forgotten
            ? "events after "
                + id
                + " are not all kept any more; the oldest comes after "
                + forgotten
            : "there is no event "
                + id
                + " yet, the latest is "
                + last
                + "; were the records set back?",
        Map.of("after", id, "oldest_after", forgotten, "latest", last));
  }

  private List<EventRecord> read(long id, Optional<String> keyId, int limit) {
    String condition = keyId.isPresent() ? " and key_id = :keyId" : "";
    return database.read(handle -> {
      var query =
          handle
              .createQuery(
                  "select * from events where id > :id" + condition + " order by id limit :limit")
              .bind("id", id)
              .bind("limit", limit);
      keyId.ifPresent(key -> query.bind("keyId", key));
      return query.map(Events::event).list();
    });
  }

  /** The event of that number, if it is kept. */
  public Optional<EventRecord> find(long id) {
    return database.read(handle ->
        handle
            .createQuery("select * from events where id = :id")
            .bind("id", id)
            .map(Events::event)
            .findOne());
  }

  /** To be asked before {@link #after}, for {@link #await}. */
  public long changes() {
    return signal.count();
  }

  /**
   * Waits until there may be events that were not there when {@link #changes} answered {@code
   * seen}.
   */
  public void await(long seen, Duration patience) throws InterruptedException {
    signal.await(seen, patience.compareTo(LOOK) < 0 ? patience : LOOK);
  }

  /**
   * Forgets what is too old or too much, with what webhooks had to do with it.
   *
   * @return how many numbers were forgotten
   */
  public long purge() {
    return purge(MOST);
  }

  long purge(long most) {
    long oldest = clock.instant().minus(LIFE).toEpochMilli();
    Span span = span();
    long old =
        database.read(handle ->
            handle
                .createQuery("select coalesce(max(id), 0) from events where created_at < :oldest")
                .bind("oldest", oldest)
                .mapTo(Long.class)
                .one());
    long end = Math.max(old, span.last() - most);
    for (long next = span.forgotten(); next < end; ) {
      next = Math.min(end, next + PURGED_AT_ONCE);
      forget(next);
    }
    return Math.max(0, end - span.forgotten());
  }

  private void forget(long end) {
    database.change(handle -> {
      handle.execute("update event_counter set forgotten = ? where forgotten < ?", end, end);
      handle.execute("delete from webhook_deliveries where event_id <= ?", end);
      handle.execute("delete from events where id <= ?", end);
    });
  }

  private Span span() {
    return database.read(handle ->
        handle
            .createQuery("select forgotten, last from event_counter")
            .map((row, context) -> new Span(row.getLong("forgotten"), row.getLong("last")))
            .one());
  }

  static EventRecord event(ResultSet row, StatementContext context) throws SQLException {
    return new EventRecord(
        row.getLong("id"),
        row.getString("key_id"),
        row.getString("type"),
        row.getString("sandbox_id"),
        Instant.ofEpochMilli(row.getLong("created_at")),
        row.getString("data"));
  }
}
