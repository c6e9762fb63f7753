package dev.podflare.store;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.StatementContext;
import org.jdbi.v3.core.statement.Update;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers that are given again when a request is repeated with the same idempotency key. A request
 * first reserves its key, so that of two equal requests at the same time one works and the other
 * waits for its answer. Thread-safe.
 */
public final class IdempotentAnswers {
  /** How long an answer is kept. */
  public static final Duration LIFE = Duration.ofHours(24);

  private static final Logger LOG = LoggerFactory.getLogger(IdempotentAnswers.class);
  private static final Duration LOOK_AGAIN = Duration.ofMillis(5);

  /** Another node works on it, and does not tell us when it is done. */
  private static final Duration LOOK_AGAIN_ELSEWHERE = Duration.ofMillis(200);

  /** Far more than are at work at once. */
  private static final int MOST_LATE = 10_000;

  private static final String MINE =
      " where key_id = :keyId and idempotency_key = :key and status is null";
  private static final String ANSWER =
      "update idempotent_answers set status = :status, body = :body" + MINE;
  private static final String GIVE_BACK = "delete from idempotent_answers" + MINE;

  private final Database database;
  private final Clock clock;
  private final String node;
  private final Map<Slot, CountDownLatch> working = new ConcurrentHashMap<>();
  private final Map<Slot, End> late = new ConcurrentHashMap<>();

  /** How a request ended; without a status it had no effect. */
  private record End(OptionalInt status, String body) {}

  /** Who asked under which idempotency key. */
  private record Slot(String keyId, String idempotencyKey) {}

  private record Row(String digest, OptionalInt status, @Nullable String body) {}

  IdempotentAnswers(Database database, Clock clock, String node) {
    this.database = database;
    this.clock = clock;
    this.node = node;
    // Whoever held these is dead: this process is the only one of that name.
    database.change(handle ->
        handle.execute("delete from idempotent_answers where status is null and node = ?", node));
  }

  /**
   * Takes the key for this request, or finds the answer to it. While an equal request is at work
   * this waits for it, at most {@code wait}.
   *
   * @param requestDigest digest of everything that makes the request what it is
   * @throws PodflareException {@code IDEMPOTENCY_CONFLICT} if the key was used for another request,
   *     or if the equal request is still at work after {@code wait} ({@code
   *     details.in_progress=true})
   */
  public Reservation reserve(
      String keyId, String idempotencyKey, String requestDigest, Duration wait)
      throws InterruptedException {
    Slot slot = new Slot(keyId, idempotencyKey);
    long deadline = System.nanoTime() + wait.toNanos();
    while (true) {
      writeLate(slot);
      Optional<Row> row = database.write(handle -> take(handle, slot, requestDigest));
      if (row.isEmpty()) {
        working.put(slot, new CountDownLatch(1));
        return new Reservation.Granted();
      }
      if (!row.get().digest().equals(requestDigest)) {
        throw conflict("this Idempotency-Key was used for another request", false);
      }
      if (row.get().status().isPresent()) {
        String body = row.get().body();
        return new Reservation.Answered(row.get().status().getAsInt(), body == null ? "" : body);
      }
      if (!awaitEnd(slot, deadline - System.nanoTime())) {
        throw conflict("an equal request with this Idempotency-Key is still at work", true);
      }
    }
  }

  /**
   * Keeps the answer of a granted request and hands it to those that wait. Where the database is
   * away the answer is kept in memory, and written later.
   */
  public void complete(String keyId, String idempotencyKey, int status, String body) {
    end(new Slot(keyId, idempotencyKey), new End(OptionalInt.of(status), body));
  }

  /** Gives a granted key back, because the request had no effect; an equal one may try again. */
  public void abandon(String keyId, String idempotencyKey) {
    end(new Slot(keyId, idempotencyKey), new End(OptionalInt.empty(), ""));
  }

  private void end(Slot slot, End end) {
    try {
      write(slot, end);
    } catch (PodflareException e) {
      if (e.code() != ErrorCode.RECORDS_UNAVAILABLE || late.size() >= MOST_LATE) {
        throw e;
      }
      late.put(slot, end);
      LOG.warn("the answer to a request that can be repeated is written later: {}", e.sentence());
    } finally {
      release(slot);
    }
  }

  /** Writes what could not be written when it ended. */
  void writeLate() {
    late.keySet().forEach(this::writeLate);
  }

  private void writeLate(Slot slot) {
    End end = late.get(slot);
    if (end != null) {
      write(slot, end);
      late.remove(slot, end);
    }
  }

  private void write(Slot slot, End end) {
    database.change(handle -> {
      Update update =
          end.status().isEmpty()
              ? handle.createUpdate(GIVE_BACK)
              : handle
                  .createUpdate(ANSWER)
                  .bind("status", end.status().getAsInt())
                  .bind("body", end.body());
      update.bind("keyId", slot.keyId()).bind("key", slot.idempotencyKey()).execute();
    });
  }

  /** Empty if the slot was free and is now ours, else what is in it. */
  private Optional<Row> take(Handle handle, Slot slot, String digest) {
    long now = clock.millis();
    handle
        .createUpdate(
            """
            delete from idempotent_answers
            where created_at < :limit and (status is not null or node <> :node)
            """)
        .bind("limit", now - LIFE.toMillis())
        .bind("node", node)
        .execute();
    int inserted =
        handle
            .createUpdate(
                """
                insert into idempotent_answers
                  (key_id, idempotency_key, request_digest, created_at, node)
                values (:keyId, :key, :digest, :now, :node) on conflict do nothing
                """)
            .bind("keyId", slot.keyId())
            .bind("key", slot.idempotencyKey())
            .bind("digest", digest)
            .bind("now", now)
            .bind("node", node)
            .execute();
    if (inserted == 1) {
      return Optional.empty();
    }
    return handle
        .createQuery(
            """
            select request_digest, status, body from idempotent_answers
            where key_id = :keyId and idempotency_key = :key
            """)
        .bind("keyId", slot.keyId())
        .bind("key", slot.idempotencyKey())
        .map(IdempotentAnswers::row)
        .findOne()
        // Given back by another node since we tried.
        .or(() -> take(handle, slot, digest));
  }

  /** Whether to look again: false once the time is up. */
  private boolean awaitEnd(Slot slot, long nanos) throws InterruptedException {
    CountDownLatch latch = working.get(slot);
    if (latch != null) {
      return latch.await(nanos, TimeUnit.NANOSECONDS);
    }
    // It ended between our look and now, or its end could not be written: look again, not in a
    // spin.
    Thread.sleep(database.shared() ? LOOK_AGAIN_ELSEWHERE : LOOK_AGAIN);
    return nanos > 0;
  }

  private void release(Slot slot) {
    CountDownLatch latch = working.remove(slot);
    if (latch != null) {
      latch.countDown();
    }
  }

  private static PodflareException conflict(String sentence, boolean inProgress) {
    return new PodflareException(
        ErrorCode.IDEMPOTENCY_CONFLICT, sentence, Map.of("in_progress", inProgress));
  }

  private static Row row(ResultSet row, StatementContext context) throws SQLException {
    return new Row(
        row.getString("request_digest"), Columns.integer(row, "status"), row.getString("body"));
  }
}
