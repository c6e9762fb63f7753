package dev.podflare.store;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.file.Path;
import org.jdbi.v3.core.ConnectionException;
import org.sqlite.SQLiteException;

/** What SQLite's errors mean to callers. Stateless. */
final class SqliteFailures {
  private SqliteFailures() {}

  /** For a call while the daemon runs. */
  static PodflareException ofCall(Throwable failure, Path file) {
    String passing = passing(failure);
    return passing.isEmpty()
        ? new PodflareException(ErrorCode.INTERNAL, "the database did not take a call", failure)
        : new PodflareException(
            ErrorCode.RECORDS_UNAVAILABLE,
            "the database " + file + " " + passing + "; try again later",
            failure);
  }

  /** Empty for what is a fault of ours, or of the file. */
  private static String passing(Throwable failure) {
    if (failure instanceof ConnectionException) {
      return "is busy"; // all wait for the one that writes
    }
    for (Throwable at = failure; at != null; at = at.getCause()) {
      if (at instanceof SQLiteException sqlite) {
        return switch (sqlite.getResultCode().code & 0xff) { // the rest says more exactly
          case 5, 6 -> "is locked by another process"; // SQLITE_BUSY, SQLITE_LOCKED
          case 8 -> "cannot be written"; // SQLITE_READONLY: its file system, most often
          case 10, 14 -> "cannot be reached on its disk"; // SQLITE_IOERR, SQLITE_CANTOPEN
          case 13 -> "is on a full disk"; // SQLITE_FULL
          default -> "";
        };
      }
    }
    return "";
  }
}
