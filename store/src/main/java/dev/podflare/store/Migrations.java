package dev.podflare.store;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import javax.sql.DataSource;

/**
 * Which tables a database has. Usually it is found as the last daemon left it, and Flyway need not
 * be asked: it reads and parses each of its files at each start, which takes longer than all the
 * rest that is done with the database then. Stateless.
 */
final class Migrations {
  static final String FOLDER = "dev/podflare/store/migrations";

  /** Number of the newest file there. */
  static final int NEWEST = 14;

  private Migrations() {}

  /** Whether all files have been applied, and nothing else. */
  static boolean applied(DataSource source) {
    int newest = 0;
    try (Connection connection = source.getConnection();
        Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery("SELECT version, success FROM flyway_schema_history")) {
      while (rows.next()) {
        if (!rows.getBoolean("success")) {
          return false;
        }
        newest = Math.max(newest, Integer.parseInt(rows.getString("version")));
      }
      return newest == NEWEST;
    } catch (SQLException | NumberFormatException unknown) {
      return false; // a new database, or one that Flyway will say more about
    }
  }
}
