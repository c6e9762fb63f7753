package dev.podflare.client;

import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.http.HttpConnectTimeoutException;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;

/** Decides whether and when to ask again. One for each call; one thread. */
final class Patience {
  private static final Duration FIRST_PAUSE = Duration.ofMillis(100);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(5);

  /**
   * Waiting helps against these. Others with the same status say that a quota is used up, or that
   * an operator has to do something.
   */
  private static final Set<String> PASSING =
      Set.of(
          "rate_limited",
          "too_many_file_calls",
          "host_full",
          "host_not_ready",
          "shape_preparing",
          "store_unavailable",
          "records_unavailable",
          "transfer_cut",
          "shutting_down");

  private final Duration span;
  private final boolean joins;
  private final long busyEnd;
  private int retries;
  private long end;
  private Duration next = FIRST_PAUSE;

  private Patience(Duration span, Duration busy, boolean joins, int retries) {
    this.span = span;
    this.busyEnd = System.nanoTime() + busy.toNanos();
    this.joins = joins;
    this.retries = retries;
    this.end = System.nanoTime() + span.toNanos();
  }

  /**
   * For a call, its repetitions included.
   *
   * @param busy how long to wait for a server that has too much to do
   */
  static Patience ofCall(Duration span, Duration busy, int retries) {
    return new Patience(span, busy, false, retries);
  }

  /**
   * For a stream that was cut: however often, until the time is up, as a daemon that starts anew
   * takes its time.
   */
  static Patience ofStream(Duration span) {
    return new Patience(span, span, true, Integer.MAX_VALUE);
  }

  /** Something came, so the time starts again; with progress it also was what is waited for. */
  void heard(boolean progress) {
    end = System.nanoTime() + span.toNanos();
    if (progress) {
      next = FIRST_PAUSE;
    }
  }

  /** What is left of the time; more than nothing. */
  Duration remaining() {
    return Duration.ofNanos(Math.max(1_000_000, end - System.nanoTime()));
  }

  /** How long to wait before asking again; empty to give up. */
  Optional<Duration> pause(ApiException error, boolean repeatable) {
    if (!repeatable && !neverSent(error)) {
      return Optional.empty();
    }
    long now = System.nanoTime();
    long last = error.status() == 0 || joins ? end : Math.min(end - now, busyEnd - now) + now;
    return wanted(error).filter(it -> now + it.toNanos() - last < 0);
  }

  private Optional<Duration> wanted(ApiException error) {
    if (error.status() != 0) {
      boolean helps = passing(error) || (joins && (error.status() == 502 || error.status() == 504));
      return helps ? Optional.of(error.retryAfter().orElseGet(this::backOff)) : Optional.empty();
    }
    boolean silent = joins && error.code().equals(ApiException.NO_ANSWER_IN_TIME);
    boolean broken = error.code().equals(ApiException.UNREACHABLE) && !interrupted(error);
    if ((!silent && !broken) || retries == 0) {
      return Optional.empty();
    }
    retries--;
    return Optional.of(backOff());
  }

  private Duration backOff() {
    Duration pause = next;
    Duration twice = pause.multipliedBy(2);
    next = twice.compareTo(LONGEST_PAUSE) < 0 ? twice : LONGEST_PAUSE;
    return pause;
  }

  /** Whether waiting helps; of a server in between, any that says so. */
  private static boolean passing(ApiException error) {
    if (error.status() != 429 && error.status() != 503) {
      return false;
    }
    return PASSING.contains(error.code()) || error.knownCode().isEmpty();
  }

  /** Whether the server has seen nothing of the call. */
  private static boolean neverSent(ApiException error) {
    Throwable cause = error.getCause();
    return cause instanceof ConnectException || cause instanceof HttpConnectTimeoutException;
  }

  private static boolean interrupted(ApiException error) {
    Throwable cause = error.getCause();
    return cause instanceof InterruptedException || cause instanceof InterruptedIOException;
  }
}
