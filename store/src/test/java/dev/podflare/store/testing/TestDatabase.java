package dev.podflare.store.testing;

import dev.podflare.store.DatabaseConfig;
import java.nio.file.Path;
import java.util.Locale;

/** Where records of a test are: the tests of records run on each of these. */
public enum TestDatabase {
  SQLITE,
  POSTGRES;

  /** A database for that folder; the same again for the same folder. */
  public DatabaseConfig of(Path folder) {
    return switch (this) {
      case SQLITE -> new DatabaseConfig.SqliteFile(folder.resolve("podflare.db"));
      case POSTGRES ->
          PostgresProcess.get()
              .database(
                  "of_"
                      + folder
                          .toAbsolutePath()
                          .toString()
                          .toLowerCase(Locale.ROOT)
                          .replaceAll("[^a-z0-9]", "_"));
    };
  }
}
