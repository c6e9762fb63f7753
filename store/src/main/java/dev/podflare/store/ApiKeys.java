package dev.podflare.store;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jdbi.v3.core.statement.StatementContext;

/**
 * The API keys. The live ones are also held in memory, written through, because every request asks
 * for one. Thread-safe.
 */
public final class ApiKeys {
  private static final String INSERT =
      """
      insert into api_keys (id, name, sha256, admin, scopes, max_sandboxes, max_memory_mebibytes,
        requests_per_minute, created_at)
      values (:id, :name, :sha256, :admin, :scopes, :maxSandboxes, :maxMemory, :perMinute, :createdAt)
      """;

  private final Database database;
  private final Clock clock;
  private final Map<String, ApiKey> liveByHash = new ConcurrentHashMap<>();

  ApiKeys(Database database, Clock clock) {
    this.database = database;
    this.clock = clock;
    List<ApiKey> live =
        database.read(handle ->
            handle
                .createQuery("select * from api_keys where revoked_at is null")
                .map(ApiKeys::key)
                .list());
    live.forEach(key -> liveByHash.put(key.sha256(), key));
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
    insert(key);
    liveByHash.put(key.sha256(), key);
    return new NewApiKey(key, text);
  }

  /** The live key whose text has this SHA-256. */
  public Optional<ApiKey> findByHash(String sha256) {
    return Optional.ofNullable(liveByHash.get(sha256));
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
            Columns.integer(row, "requests_per_minute")),
        Instant.ofEpochMilli(row.getLong("created_at")),
        Columns.instant(row, "revoked_at"));
  }
}
