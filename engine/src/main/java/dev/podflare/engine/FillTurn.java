package dev.podflare.engine;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * Whether the filler of a pool may make a machine now. It gives way to who waits for machines or is
 * being handed one, for at most two seconds each time; and, while half of the pool is left, to
 * callers that were just served, for at most two seconds since the pool was full. For one thread at
 * a time.
 */
final class FillTurn {
  /** Callers that come without end must not leave the pool empty for ever. */
  private static final Duration LONGEST_WAY = Duration.ofSeconds(2);

  private final RestoreGate gate;
  private final EngineConfig.PoolSize wanted;
  private final LongSupplier nanos;
  private long lastFull;
  private long lastMade;

  /** {@code nanos}: the time. */
  FillTurn(RestoreGate gate, EngineConfig.PoolSize wanted, LongSupplier nanos) {
    this.gate = gate;
    this.wanted = wanted;
    this.nanos = nanos;
    this.lastFull = nanos.getAsLong();
    this.lastMade = lastFull;
  }

  /** The filler has made a machine, or tried to. */
  void made() {
    lastMade = nanos.getAsLong();
  }

  /** The pool was full until now. */
  void wasFull() {
    lastFull = nanos.getAsLong();
    lastMade = lastFull;
  }

  boolean full(int warm, int blanks) {
    return warm >= wanted.warm() && blanks >= wanted.blanks();
  }

  /** Whether a filler that has something to do gives way. */
  boolean givesWay(int warm, int blanks) {
    boolean half = 2 * warm >= wanted.warm() && 2 * blanks >= wanted.blanks();
    boolean awaited = gate.busy() || gate.untilCalm().isPositive();
    return (awaited && within(lastMade)) || (half && gate.expectsCall() && within(lastFull));
  }

  private boolean within(long begin) {
    return nanos.getAsLong() - begin <= LONGEST_WAY.toNanos();
  }
}
