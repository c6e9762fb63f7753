package dev.podflare.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.store.testing.TestDatabase;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Map;
import java.util.Set;
import javax.sql.DataSource;
import org.flywaydb.core.Flyway;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;
import org.sqlite.SQLiteDataSource;

/** Databases of earlier versions, with what was in them. */
@ParameterizedClass
@EnumSource
class UpgradeTest {
  private static final Instant NOW = Instant.ofEpochMilli(10_000);

  private final TestDatabase database;

  @TempDir Path folder;

  UpgradeTest(TestDatabase database) {
    this.database = database;
  }

  @Test
  void ofTheFirst() throws Exception {
    made(
        "1",
        sandbox("sbx_1", ", egress", ", 1"),
        sandbox("sbx_2", ", egress", ", 0"),
        key(),
        answer(),
        reservation());
    try (Store store = open()) {
      assertSandboxes(store);
      assertThat(store.sandboxes().find("sbx_1").orElseThrow().network()).contains("allow");
      assertThat(store.sandboxes().find("sbx_2").orElseThrow().network()).contains("deny");
    }
  }

  @Test
  void ofTheSecond() throws Exception {
    made(
        "2",
        sandbox("sbx_1", ", network", ", '{\"default\":\"deny\"}'"),
        sandbox("sbx_2", "", ""),
        key(),
        answer(),
        reservation());
    try (Store store = open()) {
      assertSandboxes(store);
      assertThat(store.sandboxes().find("sbx_1").orElseThrow().network()).contains("deny");
      assertThat(store.sandboxes().find("sbx_1").orElseThrow().autoResume()).isFalse();
    }
  }

  @Test
  void ofTheFourth() throws Exception {
    made(
        "4",
        sandbox("sbx_1", ", auto_resume", ", 1"),
        sandbox("sbx_2", "", ""),
        sandbox("sbx_3", "", ""),
        key(),
        answer(),
        reservation(),
        "insert into identity (id) values ('id_of_before')",
        "update sandboxes set state = 'frozen' where id = 'sbx_3'",
        space("spc_1", "space", "sbx_3"),
        space("spc_2", "last", "sbx_1"));
    try (Store store = open()) {
      assertThat(store.identity()).isEqualTo("id_of_before");
      assertThat(store.sandboxes().find("sbx_1").orElseThrow().autoResume()).isTrue();
      assertThat(store.saved().ofFrozen("sbx_3").orElseThrow().id()).isEqualTo("spc_1");
      assertThat(store.saved().restoreLast(Set.of()))
          .extracting(SavedMachine::sandboxId)
          .containsExactly("sbx_1");
      assertThat(store.sandboxes().closeAllLive("host_shutdown", Set.of()))
          .extracting(SandboxRecord::id)
          .containsExactly("sbx_2");
      assertThat(store.sandboxes().frozen()).hasSize(2);
    }
  }

  @Test
  void ofTheSeventh() throws Exception {
    made(
        "7",
        sandbox("sbx_1", "", ""),
        sandbox("sbx_2", "", ""),
        "update sandboxes set state = 'frozen' where id = 'sbx_2'",
        space("spc_1", "space", "sbx_2"));
    try (Store store = open()) {
      assertThat(store.sandboxes().find("sbx_1").orElseThrow().undo()).isZero();
      assertThat(store.saved().ofFrozen("sbx_2").orElseThrow().undo()).isZero();
    }
  }

  private static void assertSandboxes(Store store) throws Exception {
    SandboxRecord one = store.sandboxes().find("sbx_1").orElseThrow();
    assertThat(one.env()).isEqualTo(Map.of("A", "b"));
    assertThat(one.timeout()).isEqualTo(Duration.ofMillis(1800));
    assertThat(store.sandboxes().live()).hasSize(2);
    assertThat(store.sandboxes().nodeElsewhere("sbx_1")).as("they are ours now").isEmpty();
    assertThat(store.sandboxes().closeAllLive("host_shutdown", Set.of())).hasSize(2);
    assertThat(store.keys().findByHash("hash").orElseThrow().name()).isEqualTo("ci");
    assertThat(store.answers().reserve("key_a", "done", "digest", Duration.ZERO))
        .isEqualTo(new Reservation.Answered(200, "{}"));
    assertThat(store.answers().reserve("key_a", "working", "digest", Duration.ZERO))
        .isInstanceOf(Reservation.Granted.class);
    assertThat(store.identity()).hasSize(32);
  }

  private Store open() {
    return Store.open(database.of(folder), "a", Clock.fixed(NOW, ZoneOffset.UTC));
  }

  private void made(String version, String... statements) throws SQLException {
    DataSource source = source();
    Flyway.configure()
        .dataSource(source)
        .locations("classpath:dev/podflare/store/migrations")
        .target(version)
        .load()
        .migrate();
    try (Connection connection = source.getConnection();
        Statement statement = connection.createStatement()) {
      for (String each : statements) {
        statement.execute(each);
      }
    }
  }

  private DataSource source() {
    return switch (database.of(folder)) {
      case DatabaseConfig.Postgres postgres ->
          new PostgresSource(postgres, PostgresWaits.usual()).forMigrations();
      case DatabaseConfig.SqliteFile sqlite -> {
        SQLiteDataSource source = new SQLiteDataSource();
        source.setUrl("jdbc:sqlite:" + sqlite.file());
        yield source;
      }
    };
  }

  private static String sandbox(String id, String columns, String values) {
    return """
    insert into sandboxes (id, key_id, template, state, vcpus, memory_mebibytes, disk_gibibytes,
      persistent, env, metadata, created_at, expires_at, timeout, idle_timeout%s)
    values ('%s', 'key_a', 'default', 'ready', 1, 512, 4, 0, '{"A":"b"}', '{}', 1, 2000, 1800, 300%s)
    """
        .formatted(columns, id, values);
  }

  private static String space(String id, String kind, String sandbox) {
    return """
    insert into saved_machines (id, kind, key_id, sandbox_id, checkpoint, template, template_digest,
      image, vcpus, memory_mebibytes, disk_gibibytes, persistent, auto_resume, network, env, metadata,
      timeout, idle_timeout, time_left, own_bytes, stored_bytes, created_at)
    values ('%s', '%s', 'key_a', '%s', 'chk', 'default', 'd', 'i', 1, 512, 4, 1, 1, '{}', '{}', '{}',
      1, 1, 1, 1, 1, 1)
    """
        .formatted(id, kind, sandbox);
  }

  private static String key() {
    return "insert into api_keys (id, name, sha256, admin, scopes, created_at)"
        + " values ('key_a', 'ci', 'hash', 0, '[]', 1)";
  }

  private static String answer() {
    return "insert into idempotent_answers values ('key_a', 'done', 'digest', 200, '{}', 9999)";
  }

  private static String reservation() {
    return "insert into idempotent_answers values ('key_a', 'working', 'digest', null, null, 9999)";
  }
}
