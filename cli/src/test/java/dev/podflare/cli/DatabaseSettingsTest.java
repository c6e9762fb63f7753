package dev.podflare.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.store.DatabaseConfig;
import dev.podflare.store.Store;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** Where the daemon keeps its records, and what it is called. */
class DatabaseSettingsTest {
  private static final String SECRET = "s3cret";

  @TempDir Path data;

  private DatabaseConfig config(
      String yaml, Optional<String> option, Map<String, String> environment) {
    ServeFile.DatabasePart file =
        ServeFile.parse(yaml, "test").database().orElse(ServeFile.DatabasePart.EMPTY);
    return DatabaseSettings.config(
        DatabaseSettings.merge(file, option, Optional.empty(), environment), data);
  }

  private static void refused(Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(
            PodflareException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_CONFIG))
        .hasMessageNotContaining(SECRET);
  }

  @Test
  void byDefaultAFileInTheDataFolder() {
    assertThat(config("", Optional.empty(), Map.of()))
        .isEqualTo(new DatabaseConfig.SqliteFile(data.resolve("podflare.db")));
  }

  @Test
  void theOptionWinsOverTheEnvironmentAndThatOverTheFile() {
    String file = "database: {url: 'postgresql://u@file/d'}";
    Map<String, String> environment =
        Map.of(DatabaseSettings.URL, "postgresql://u:" + SECRET + "@environment/d");
    Optional<String> option = Optional.of("postgresql://u@option/d");
    assertThat(config(file, Optional.empty(), Map.of()).toString()).contains("@file:");
    assertThat(config(file, Optional.empty(), environment).toString()).contains("@environment:");
    assertThat(config(file, option, environment).toString()).contains("@option:");
  }

  @Test
  void thePasswordIsInAFileOrInTheAddress() throws Exception {
    Path password = Files.writeString(data.resolve("password"), SECRET + "\n");
    String file = "database: {url: 'postgresql://u@h/d', password_file: " + password + "}";
    DatabaseConfig config = config(file, Optional.empty(), Map.of());
    assertThat(((DatabaseConfig.Postgres) config).password()).contains(SECRET);
    assertThat(config.toString()).doesNotContain(SECRET);
    assertThat(ServeConfig.of(ServeFile.parse(file.replace("u@h", "u:" + SECRET + "@h"), "f")))
        .asString()
        .doesNotContain(SECRET);
    refused(() -> config(file.replace("u@h", "u:x@h"), Optional.empty(), Map.of()));
    refused(
        () -> config("database: {password_file: " + password + "}", Optional.empty(), Map.of()));
    refused(() ->
        config(
            "database: {url: 'postgresql://u@h/d', password_file: /none}",
            Optional.empty(),
            Map.of()));
  }

  @Test
  void aBrokenFileDoesNotTellThePassword() {
    String url = "postgresql://u:" + SECRET + "@h/d";
    refused(() -> ServeFile.parse("database: {url: '" + url + "\n", "f"));
    refused(() -> ServeFile.parse("database:\n  url: " + url + "\n bad: [\n", "f"));
    refused(() -> ServeFile.parse("database: [" + url + "]\n", "f"));
    refused(() -> ServeFile.parse("database: '" + url + "'\n", "f"));
    ServeFile.DatabasePart named =
        ServeFile.parse("database: {node: '" + url + "'}\n", "f").database().orElseThrow();
    refused(() -> DatabaseSettings.open(named, data).close());
  }

  /** The command line of a process is for everybody to read. */
  @Test
  void aPasswordInTheOptionIsRefused() {
    DaemonOptions options =
        CommandLine.populateCommand(
            new DaemonOptions(), "--database=postgresql://u:" + SECRET + "@h/d", "--node=a");
    refused(() -> options.resolve(Optional.empty()));
  }

  @Test
  void aNodeKeepsItsName() throws Exception {
    String made;
    try (Store store = DatabaseSettings.open(ServeFile.DatabasePart.EMPTY, data)) {
      made = store.node();
      assertThat(made).matches("node-[0-9a-f]{12}");
    }
    try (Store store = DatabaseSettings.open(ServeFile.DatabasePart.EMPTY, data)) {
      assertThat(store.node()).isEqualTo(made);
    }
    assertThat(NodeName.of(data, Optional.of("host-a"))).isEqualTo(new NodeName("host-a", made));
    refused(() -> NodeName.of(data, Optional.of("a b")));
    Files.writeString(data.resolve("node"), "");
    refused(() -> NodeName.of(data, Optional.empty()));
  }
}
