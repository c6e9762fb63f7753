package dev.podflare.network;

import java.net.SocketTimeoutException;
import java.time.Duration;

/** Time until a deadline. Immutable. */
final class TimeLeft {
  private final long end;

  private TimeLeft(long end) {
    this.end = end;
  }

  static TimeLeft of(Duration time) {
    return new TimeLeft(System.nanoTime() + time.toNanos());
  }

  /** The nearer of this deadline and one in {@code time} from now. */
  TimeLeft atMost(Duration time) {
    long other = System.nanoTime() + time.toNanos();
    return new TimeLeft(other - end < 0 ? other : end);
  }

  boolean isOver() {
    return end - System.nanoTime() <= 0;
  }

  /** At least 1, as sockets take 0 for no limit. */
  int requireMillis() throws SocketTimeoutException {
    long nanos = end - System.nanoTime();
    if (nanos <= 0) {
      throw new SocketTimeoutException("the time is over");
    }
    return Math.toIntExact(Math.max(1, Math.min(Integer.MAX_VALUE, nanos / 1_000_000)));
  }
}
