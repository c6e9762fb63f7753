package dev.podflare.store;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.sql.SQLException;
import java.util.Optional;

/** What PostgreSQL's SQLSTATEs mean to a caller. Stateless. */
final class PostgresFailures {
  private PostgresFailures() {}

  /** The transaction was undone for the sake of another one; the same again will do. */
  static boolean isConflict(Throwable failure) {
    return switch (state(failure)) {
      case "40001", "40P01" -> true;
      default -> false;
    };
  }

  /** The connection ended in the middle of a call. */
  static boolean isLostConnection(Throwable failure) {
    String state = state(failure);
    return state.startsWith("08") || state.startsWith("57P");
  }

  /** For a call while the daemon runs. {@code where}: without password. */
  static PodflareException ofCall(Throwable failure, String where) {
    String state = state(failure);
    return isPassing(state)
        ? new PodflareException(
            ErrorCode.RECORDS_UNAVAILABLE,
            "the database " + where + " " + words(state) + "; try again later",
            failure)
        : new PodflareException(
            ErrorCode.INTERNAL, "the database did not take a call (" + state + ")", failure);
  }

  /** For the start of the daemon. */
  static PodflareException ofOpening(Throwable failure, String where) {
    String state = state(failure);
    boolean
        refused = // the driver's 08004: it is asked for what it was not given, a password or TLS
        state.equals("08004") || state.startsWith("28") || state.startsWith("3D");
    return new PodflareException(
        isPassing(state) && !refused ? ErrorCode.RECORDS_UNAVAILABLE : ErrorCode.INVALID_CONFIG,
        "cannot use the database " + where + ": " + reason(failure),
        failure);
  }

  private static boolean isPassing(String state) {
    return switch (state.length() < 2 ? "" : state.substring(0, 2)) {
      // None (the pool's own), connection, login, database, conflict, resources, not in the right
      // state (a lock that another holds), operator, system
      case "", "08", "28", "3D", "40", "53", "55", "57", "58" -> true;
      case "25" -> state.equals("25006"); // a standby
      default -> false;
    };
  }

  private static String words(String state) {
    return switch (state) {
      case "55P03", "57014" -> "is busy: the records are locked by another session";
      case "40001", "40P01" -> "is busy: too many changes of the same records";
      case "53300" -> "has no connection left";
      case "25006" -> "is a standby, which does not take changes";
      case "28P01", "28000", "3D000" -> "lets us in no more";
      default -> "does not answer";
    };
  }

  private static String reason(Throwable failure) {
    return sql(failure).map(SQLException::getMessage).orElse(String.valueOf(failure.getMessage()));
  }

  private static String state(Throwable failure) {
    return sql(failure).map(SQLException::getSQLState).orElse("");
  }

  /** The innermost that has a state: pools and mappers wrap it in others. */
  private static Optional<SQLException> sql(Throwable failure) {
    SQLException found = null;
    Throwable at = failure;
    for (int depth = 0; at != null && depth < 20; depth++, at = at.getCause()) {
      if (at instanceof SQLException sql && (found == null || sql.getSQLState() != null)) {
        found = sql;
      }
    }
    return Optional.ofNullable(found);
  }
}
