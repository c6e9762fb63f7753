package dev.podflare.store;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jdbi.v3.core.statement.StatementContext;

/**
 * The API keys. The live ones are also held in memory, written through, because every request asks
 * for one. Where other nodes make and revoke keys too, one that is not in memory is looked up, and
 * {@link #refresh} takes over what was revoked. Thread-safe.
 */
public final class ApiKeys {
  private static final String INSERT =
      """
      insert into api_keys (id, name, sha256, admin, scopes, max_sandboxes, max_memory_mebibytes,
        requests_per_minute, max_stored_mebibytes, created_at)
      values (:id, :name, :sha256, :admin, :scopes, :maxSandboxes, :maxMemory, :perMinute,
        :maxStored, :createdAt)
      """;

  private static final Duration PATIENCE = Duration.ofSeconds(2);

  private final Database database;
  private final Clock clock;
  private final Map<String, ApiKey> liveByHash = new ConcurrentHashMap<>();
  private final Semaphore lookingUp = new Semaphore(2);

  /** Held over a change of the database and of the memory, so that no refresh comes between. */
  private final ReentrantLock changing = new ReentrantLock();

  ApiKeys(Database database, Clock clock) {
    this.database = database;
    this.clock = clock;
    refresh();
  }

  /** Takes over what other nodes have made and revoked. */
  void refresh() {
    changing.lock();
    try {
      List<ApiKey> live =
          database.read(handle ->
              handle
                  .createQuery("select * from api_keys where revoked_at is null")
                  .map(ApiKeys::key)
                  .list());
      Map<String, ApiKey> fresh = new HashMap<>();
      live.forEach(key -> fresh.put(key.sha256(), key));
      liveByHash.keySet().retainAll(fresh.keySet());
      liveByHash.putAll(fresh);
    } finally {
      changing.unlock();
    }
  }

  /** Makes a key; its text is in the answer and nowhere else. */
  public NewApiKey create(String name, boolean admin, List<String> scopes, KeyLimits limits) {
    String text = KeyText.random();
    ApiKey key =
        new ApiKey(
            KeyText.id(),
            name,
            KeyText.sha256(text),
            admin,
            scopes,
            limits,
            Instant.ofEpochMilli(clock.millis()),
            Optional.empty());
    changing.lock();
    try {
      insert(key);
      liveByHash.put(key.sha256(), key);
    } finally {
      changing.unlock();
    }
    return new NewApiKey(key, text);
  }

  /**
   * The live key whose text has this SHA-256.
   *
   * @throws PodflareException {@code RATE_LIMITED} when many unknown ones are asked for at once,
   *     where they have to be looked up in a shared database
   */
  public Optional<ApiKey> findByHash(String sha256) {
    Optional<ApiKey> known = Optional.ofNullable(liveByHash.get(sha256));
    return known.isPresent() || !database.shared() ? known : lookUp(sha256);
  }

  /**
   * Few at once, so that strangers who guess do not take the database's connections from others.
   */
  private Optional<ApiKey> lookUp(String sha256) {
    try {
      if (!lookingUp.tryAcquire(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new PodflareException(
            ErrorCode.RATE_LIMITED, "many unknown API keys are being looked up; try again later");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "interrupted", e);
    }
    try {
      return database.read(handle ->
          handle
              .createQuery("select * from api_keys where sha256 = :hash and revoked_at is null")
              .bind("hash", sha256)
              .map(ApiKeys::key)
              .findOne());
    } finally {
      lookingUp.release();
    }
  }

  /** Limits of a live key; none for one that is not known here. */
  public KeyLimits limits(String id) {
    return liveByHash.values().stream()
        .filter(key -> key.id().equals(id))
        .findFirst()
        .map(ApiKey::limits)
        .orElseGet(KeyLimits::none);
  }

  /** Live keys, oldest first. */
  public List<ApiKey> list() {
    return liveByHash.values().stream()
        .sorted(Comparator.comparing(ApiKey::createdAt).thenComparing(ApiKey::id))
        .toList();
  }

  /**
   * Revokes a key: from now on it opens nothing.
   *
   * @return whether it was live
   */
  public boolean delete(String id) {
    changing.lock();
    try {
      int revoked =
          database.write(handle ->
              handle
                  .createUpdate(
                      "update api_keys set revoked_at = :now where id = :id and revoked_at is null")
                  .bind("now", clock.millis())
                  .bind("id", id)
                  .execute());
      liveByHash.values().removeIf(key -> key.id().equals(id));
      return revoked == 1;
    } finally {
      changing.unlock();
    }
  }

  private void insert(ApiKey key) {
    KeyLimits limits = key.limits();
    database.change(handle ->
        handle
            .createUpdate(INSERT)
            .bind("id", key.id())
            .bind("name", key.name())
            .bind("sha256", key.sha256())
            .bind("admin", key.admin() ? 1 : 0)
            .bind("scopes", JsonText.of(key.scopes()))
            .bind("maxSandboxes", limits.maxSandboxes())
            .bind("maxMemory", limits.maxMemoryMebibytes())
            .bind("perMinute", limits.requestsPerMinute())
            .bind("maxStored", limits.maxStoredMebibytes())
            .bind("createdAt", key.createdAt().toEpochMilli())
            .execute());
  }

  private static ApiKey key(ResultSet row, StatementContext context) throws SQLException {
    return new ApiKey(
        row.getString("id"),
        row.getString("name"),
        row.getString("sha256"),
        row.getInt("admin") == 1,
        JsonText.list(row.getString("scopes")),
        new KeyLimits(
            Columns.integer(row, "max_sandboxes"),
            Columns.number(row, "max_memory_mebibytes"),
            Columns.integer(row, "requests_per_minute"),
            Columns.number(row, "max_stored_mebibytes")),
        Instant.ofEpochMilli(row.getLong("created_at")),
        Columns.instant(row, "revoked_at"));
  }
}
