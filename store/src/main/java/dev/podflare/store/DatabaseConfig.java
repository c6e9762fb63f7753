package dev.podflare.store;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Where the records are. */
public sealed interface DatabaseConfig {

  /** A SQLite file, made with mode 0600 if it is missing. */
  record SqliteFile(Path file) implements DatabaseConfig {}

  /**
   * A database of a PostgreSQL, version 13 or newer.
   *
   * @param hosts at least one; with more the first that can be written is taken
   * @param password nothing prints it
   * @param properties of the driver, for TLS and the like; see {@link PostgresUrl}
   */
  record Postgres(
      List<Host> hosts,
      String database,
      String user,
      Optional<String> password,
      Map<String, String> properties)
      implements DatabaseConfig {
    public Postgres {
      hosts = List.copyOf(hosts);
      properties = Map.copyOf(properties);
    }

    /** The same with another password. */
    public Postgres withPassword(String other) {
      return new Postgres(hosts, database, user, Optional.of(other), properties);
    }

    /** For people: without the password. */
    @Override
    public String toString() {
      List<String> names = hosts.stream().map(Host::toString).toList();
      return "postgresql://" + user + "@" + String.join(",", names) + "/" + database;
    }
  }

  /** {@code name}: a host name or address, a version 6 one without brackets. */
  record Host(String name, int port) {
    @Override
    public String toString() {
      return (name.contains(":") ? "[" + name + "]" : name) + ":" + port;
    }
  }
}
