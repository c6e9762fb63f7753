package dev.podflare.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.sqlite.SQLiteDataSource;

class MigrationsTest {
  @TempDir private Path folder;

  @Test
  void theNewestFileIsTheOneThatIsLookedFor() throws IOException, URISyntaxException {
    URL there = Database.class.getClassLoader().getResource(Migrations.FOLDER);
    try (Stream<Path> files = Files.list(Path.of(Objects.requireNonNull(there).toURI()))) {
      int newest =
          files
              .map(file -> file.getFileName().toString())
              .filter(name -> name.startsWith("V"))
              .mapToInt(name -> Integer.parseInt(name.substring(1, name.indexOf("__"))))
              .max()
              .orElseThrow();
      assertThat(Migrations.NEWEST).isEqualTo(newest);
    }
  }

  @Test
  void onlyADatabaseThatHasThemAllIsLeftAsItIs() throws SQLException {
    SQLiteDataSource source = new SQLiteDataSource();
    source.setUrl("jdbc:sqlite:" + folder.resolve("records.db"));
    assertThat(Migrations.applied(source)).isFalse();
    Database.migrate(source);
    assertThat(Migrations.applied(source)).isTrue();
    change(source, "UPDATE flyway_schema_history SET success = 0 WHERE version = '4'");
    assertThat(Migrations.applied(source)).isFalse();
    change(source, "UPDATE flyway_schema_history SET success = 1");
    assertThat(Migrations.applied(source)).isTrue();
    change(
        source,
        "DELETE FROM flyway_schema_history WHERE version = '%d'".formatted(Migrations.NEWEST));
    assertThat(Migrations.applied(source)).isFalse();
  }

  private static void change(SQLiteDataSource source, String sql) throws SQLException {
    try (Connection connection = source.getConnection();
        Statement statement = connection.createStatement()) {
      assertThat(statement.executeUpdate(sql)).isPositive();
    }
  }
}
