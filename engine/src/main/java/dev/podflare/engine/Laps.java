package dev.podflare.engine;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** Times the steps of a call, milliseconds to the microsecond. One thread. */
final class Laps {
  private final Map<String, Double> milliseconds = new LinkedHashMap<>();
  private final long start = System.nanoTime();
  private long last = start;

  void lap(String step) {
    long now = System.nanoTime();
    milliseconds.merge(step, millis(now - last), Double::sum);
    last = now;
  }

  private static double millis(long nanos) {
    return Math.rint(nanos / 1e3) / 1e3;
  }

  /** The steps in order, and {@code total}. */
  Map<String, Double> milliseconds() {
    Map<String, Double> all = new LinkedHashMap<>(milliseconds);
    all.put("total", millis(System.nanoTime() - start));
    return Collections.unmodifiableMap(all);
  }
}
