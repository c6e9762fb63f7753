package dev.podflare.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is so only where the records are a file. */
class SqliteDatabaseTest {
  @TempDir Path folder;
  private Path file;

  @BeforeEach
  void name() {
    file = folder.resolve("podflare.db");
  }

  @Test
  void theFileIsPrivate() throws Exception {
    try (Store store = Store.open(file)) {
      store.sandboxes().insert(TestRecords.sandbox("sbx_1", "key_a"), Origin.TEMPLATE);
      try (var files = Files.list(folder)) {
        List<Path> all = files.toList();
        assertThat(all).hasSizeGreaterThanOrEqualTo(2);
        for (Path each : all) {
          assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(each)))
              .as(each.toString())
              .isEqualTo("rw-------");
        }
      }
    }
  }

  @Test
  void aFileThatIsNoDatabaseIsRefusedByName() throws Exception {
    Files.writeString(file, "this is not a database, but text that is long enough to be looked at");
    assertThatThrownBy(() -> Store.open(file))
        .isInstanceOfSatisfying(
            PodflareException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_CONFIG))
        .hasMessageContaining("podflare.db");
  }

  @Test
  void theTextOfAKeyIsNowhereInTheFiles() throws Exception {
    NewApiKey made;
    try (Store store = Store.open(file)) {
      made = store.keys().create("ci", true, List.of(), KeyLimits.none());
    }
    try (var files = Files.list(folder)) {
      for (Path each : files.toList()) {
        String bytes = Files.readString(each, StandardCharsets.ISO_8859_1);
        assertThat(bytes).as(each.toString()).doesNotContain(made.text());
      }
    }
    assertThat(made.toString()).doesNotContain(made.text());
  }

  /** Else what ran under the old name would stay live for ever. */
  @Test
  void aDaemonWithANewNameTakesItsRecordsAlong() throws Exception {
    DatabaseConfig config = new DatabaseConfig.SqliteFile(file);
    try (Store store = Store.open(config, "old", "old")) {
      store.sandboxes().insert(TestRecords.sandbox("sbx_1", "key_a"), Origin.TEMPLATE);
      store.answers().reserve("key_a", "k", "digest", java.time.Duration.ZERO);
    }
    try (Store store = Store.open(config, "new", "new")) {
      assertThat(store.sandboxes().closeAllLive("host_shutdown", Set.of()))
          .extracting(SandboxRecord::id)
          .containsExactly("sbx_1");
      assertThat(store.answers().reserve("key_a", "k", "digest", java.time.Duration.ZERO))
          .isInstanceOf(Reservation.Granted.class);
    }
  }
}
