package dev.podflare.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.store.testing.HaltedProcess;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Duration;
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

  private static void assertUnavailable(Runnable call, String why) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(
            PodflareException.class,
            e -> assertThat(e.code()).isEqualTo(ErrorCode.RECORDS_UNAVAILABLE))
        .hasMessageContaining("podflare.db " + why);
  }

  /** A backup, or somebody with a shell in it. */
  @Test
  void oneThatSomebodyElseHasLockedIsSaidSoAndUsedAgain() throws Exception {
    try (Store store = Store.open(file)) {
      store.sandboxes().insert(TestRecords.sandbox("sbx_1", "key_a"), Origin.TEMPLATE);
      store.answers().reserve("key_a", "k", "digest", Duration.ZERO);
      try (Connection other = DriverManager.getConnection("jdbc:sqlite:" + file);
          Statement statement = other.createStatement()) {
        statement.execute("begin immediate");
        assertUnavailable(
            () -> store.sandboxes().close("sbx_1", "deleted", TestRecords.NOW), "is locked");
        assertThat(store.sandboxes().find("sbx_1")).as("it can be read").isPresent();
        store.answers().complete("key_a", "k", 200, "{}");
        statement.execute("rollback");
      }
      assertThat(store.sandboxes().close("sbx_1", "deleted", TestRecords.NOW)).isTrue();
      assertThat(store.answers().reserve("key_a", "k", "digest", Duration.ZERO))
          .isEqualTo(new Reservation.Answered(200, "{}"));
    }
  }

  @Test
  void aFullDiskIsSaidSoAndLosesNothing() throws Exception {
    Path disk = Files.createDirectory(folder.resolve("disk"));
    assumeTrue(run("mount", "-t", "tmpfs", "-o", "size=1m", "none", disk.toString()));
    file = disk.resolve("podflare.db");
    try (Store store = Store.open(file)) {
      store.sandboxes().insert(TestRecords.sandbox("sbx_0", "key_a"), Origin.TEMPLATE);
      assertThat(run("sh", "-c", "cat /dev/zero > " + disk.resolve("ballast"))).isFalse();
      int[] taken = {1};
      assertUnavailable(
          () -> {
            for (; taken[0] < 1000; taken[0]++) {
              store
                  .sandboxes()
                  .insert(TestRecords.sandbox("sbx_" + taken[0], "key_a"), Origin.TEMPLATE);
            }
          },
          "is on a full disk");
      assertThat(store.sandboxes().live()).hasSize(taken[0]);
      Files.delete(disk.resolve("ballast"));
      store.sandboxes().insert(TestRecords.sandbox("sbx_later", "key_a"), Origin.TEMPLATE);
      assertThat(store.sandboxes().live()).hasSize(taken[0] + 1);
    } finally {
      assertThat(run("umount", "-l", disk.toString())).isTrue();
    }
  }

  private static boolean run(String... command) throws Exception {
    return new ProcessBuilder(command).redirectErrorStream(true).start().waitFor() == 0;
  }

  /** Else what ran under the old name would stay live for ever. */
  @Test
  void aDaemonWithANewNameTakesItsRecordsAlong() throws Exception {
    DatabaseConfig config = new DatabaseConfig.SqliteFile(file);
    try (Store store = Store.open(config, "old", "old")) {
      store.sandboxes().insert(TestRecords.sandbox("sbx_1", "key_a"), Origin.TEMPLATE);
      store.answers().reserve("key_a", "k", "digest", Duration.ZERO);
    }
    try (Store store = Store.open(config, "new", "new")) {
      assertThat(store.sandboxes().closeAllLive("host_shutdown", Set.of()))
          .extracting(SandboxRecord::id)
          .containsExactly("sbx_1");
      assertThat(store.answers().reserve("key_a", "k", "digest", Duration.ZERO))
          .isInstanceOf(Reservation.Granted.class);
    }
  }

  @Test
  void aKilledProcessLeavesNoNativeLibrary(@TempDir Path own)
      throws IOException, InterruptedException {
    assertThat(HaltedProcess.leavings(Halted.class, own)).isEmpty();
  }

  static final class Halted {
    private Halted() {}

    public static void main(String[] arguments) {
      SqliteDatabase database = SqliteDatabase.open(Path.of(arguments[0], "records.db"));
      int one = database.read(handle -> handle.select("select 1").mapTo(Integer.class).one());
      Runtime.getRuntime().halt(one == 1 ? HaltedProcess.DONE : 1);
    }
  }
}
