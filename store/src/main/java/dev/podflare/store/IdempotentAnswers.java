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
import org.jspecify.annotations.Nullable;

/**
 * Answers that are given again when a request is repeated with the same idempotency key. A request
 * first reserves its key, so that of two equal requests at the same time one works and the other
 * waits for its answer. Thread-safe.
 */
public final class IdempotentAnswers {
  /** How long an answer is kept. */
  public static final Duration LIFE = Duration.ofHours(24);

  private static final Duration LOOK_AGAIN = Duration.ofMillis(5);

  private final Database database;
  private final Clock clock;
  private final Map<Slot, CountDownLatch> working = new ConcurrentHashMap<>();

  /** Who asked under which idempotency key. */
  private record Slot(String keyId, String idempotencyKey) {}

  private record Row(String digest, OptionalInt status, @Nullable String body) {}

  IdempotentAnswers(Database database, Clock clock) {
    this.database = database;
    this.clock = clock;
    // Whoever held these is dead: this process is the only one that opens the file.
    database.change(
        handle -> handle.execute("delete from idempotent_answers where status is null"));
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
      Optional<Row> row = database.write(handle -> take(handle, slot, requestDigest));
      if (row.isEmpty()) {
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

  /** Keeps the answer of a granted request and hands it to those that wait. */
  public void complete(String keyId, String idempotencyKey, int status, String body) {
    Slot slot = new Slot(keyId, idempotencyKey);
    try {
      database.change(handle ->
          handle
              .createUpdate(
                  """
                  update idempotent_answers set status = :status, body = :body
                  where key_id = :keyId and idempotency_key = :key and status is null
                  """)
              .bind("status", status)
              .bind("body", body)
              .bind("keyId", keyId)
              .bind("key", idempotencyKey)
              .execute());
    } finally {
      release(slot);
    }
  }

  /** Gives a granted key back, because the request had no effect; an equal one may try again. */
  public void abandon(String keyId, String idempotencyKey) {
    try {
      database.change(handle ->
          handle
              .createUpdate(
                  """
                  delete from idempotent_answers
                  where key_id = :keyId and idempotency_key = :key and status is null
                  """)
              .bind("keyId", keyId)
              .bind("key", idempotencyKey)
              .execute());
    } finally {
      release(new Slot(keyId, idempotencyKey));
    }
  }

  /** Empty if the slot was free and is now ours, else what is in it. */
  private Optional<Row> take(Handle handle, Slot slot, String digest) {
    long now = clock.millis();
    handle
        .createUpdate(
            "delete from idempotent_answers where created_at < :limit and status is not null")
        .bind("limit", now - LIFE.toMillis())
        .execute();
    int inserted =
        handle
            .createUpdate(
                """
                insert into idempotent_answers (key_id, idempotency_key, request_digest, created_at)
                values (:keyId, :key, :digest, :now) on conflict do nothing
                """)
            .bind("keyId", slot.keyId())
            .bind("key", slot.idempotencyKey())
            .bind("digest", digest)
            .bind("now", now)
            .execute();
    if (inserted == 1) {
      working.put(slot, new CountDownLatch(1));
      return Optional.empty();
    }
    return Optional.of(
        handle
            .createQuery(
                """
                select request_digest, status, body from idempotent_answers
                where key_id = :keyId and idempotency_key = :key
                """)
            .bind("keyId", slot.keyId())
            .bind("key", slot.idempotencyKey())
            .map(IdempotentAnswers::row)
            .one());
  }

  /** Whether to look again: false once the time is up. */
  private boolean awaitEnd(Slot slot, long nanos) throws InterruptedException {
    CountDownLatch latch = working.get(slot);
    if (latch != null) {
      return latch.await(nanos, TimeUnit.NANOSECONDS);
    }
    // It ended between our look and now, or its end could not be written: look again, not in a
    // spin.
    Thread.sleep(LOOK_AGAIN);
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
