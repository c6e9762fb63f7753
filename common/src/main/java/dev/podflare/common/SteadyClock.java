package dev.podflare.common;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.util.function.LongSupplier;

/**
 * A wall clock that does not jump behind its user's back. Somebody sets the host's clock, or NTP
 * steps it, and a deadline that was an hour away is over, or two hours away. So this clock goes on
 * as if nothing had happened until its owner, who looks at {@link #jump} now and then, has moved
 * deadlines by as much and calls {@link #follow}. Small corrections are followed at once.
 * Thread-safe.
 */
public final class SteadyClock extends Clock {
  /** What is no jump: NTP slews by less in any case, and no deadline minds. */
  static final Duration TOLERANCE = Duration.ofSeconds(1);

  /** Two clocks are read one after the other; if much lies between, they are read again. */
  private static final long CLOSE_NANOS = Duration.ofMillis(20).toNanos();

  private static final int READS = 50;

  private final Clock wall;
  private final LongSupplier nanos;
  private final Reading first;
  private volatile Reading anchor;

  /** What both clocks said at one time. */
  private record Reading(Instant wall, long nanos) {
    /** What the wall clock ought to say at the time of another reading. */
    Instant at(Reading other) {
      return wall.plusNanos(other.nanos - nanos);
    }
  }

  /** On the host's clock. */
  public SteadyClock() {
    this(Clock.systemUTC(), System::nanoTime);
  }

  /** {@code nanos} must go on evenly, as {@link System#nanoTime} does. */
  public SteadyClock(Clock wall, LongSupplier nanos) {
    this.wall = wall;
    this.nanos = nanos;
    this.first = read();
    this.anchor = first;
  }

  private Reading read() {
    for (int i = 0; true; i++) {
      long before = nanos.getAsLong();
      Instant now = wall.instant();
      long after = nanos.getAsLong();
      if (after - before < CLOSE_NANOS || i >= READS) {
        return new Reading(now, before);
      }
    }
  }

  @Override
  public Instant instant() {
    Reading known = anchor;
    Reading now = read();
    Instant steady = known.at(now);
    if (isJump(Duration.between(steady, now.wall()))) {
      return steady;
    }
    advance(known, now);
    return now.wall();
  }

  /** Not over a jump that was followed meanwhile. */
  private synchronized void advance(Reading from, Reading to) {
    if (anchor.equals(from)) {
      anchor = to;
    }
  }

  /** How far the wall clock has jumped since it was followed last; zero: it has not. */
  public Duration jump() {
    Reading now = read();
    Duration jump = Duration.between(anchor.at(now), now.wall());
    return isJump(jump) ? jump : Duration.ZERO;
  }

  private static boolean isJump(Duration difference) {
    return difference.abs().compareTo(TOLERANCE) > 0;
  }

  /** From now on this clock says what the wall clock says. */
  public synchronized void follow() {
    anchor = read();
  }

  /**
   * The time as the wall clock says it, or as it would say it had it never jumped, whichever is
   * earlier: for what must not be thrown away before its time. A clock that was set to the next
   * year by mistake would else have all removed that is kept for a month.
   */
  public Instant earliest() {
    Reading now = read();
    Instant steady = first.at(now);
    return steady.isBefore(now.wall()) ? steady : now.wall();
  }

  @Override
  public ZoneId getZone() {
    return wall.getZone();
  }

  @Override
  public Clock withZone(ZoneId zone) {
    return new SteadyClock(wall.withZone(zone), nanos);
  }
}
