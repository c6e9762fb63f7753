package dev.podflare.cli;

import java.util.Arrays;
import java.util.List;

/**
 * Figures of a series of measurements, by nearest rank.
 *
 * @param count at least 1
 */
record Statistics(int count, double min, double p50, double p95, double max) {

  static Statistics of(List<Double> values) {
    if (values.isEmpty()) {
      throw new IllegalArgumentException("no values");
    }
    double[] sorted = values.stream().mapToDouble(Double::doubleValue).toArray();
    Arrays.sort(sorted);
    return new Statistics(
        sorted.length,
        sorted[0],
        rank(sorted, 0.50),
        rank(sorted, 0.95),
        sorted[sorted.length - 1]);
  }

  private static double rank(double[] sorted, double share) {
    return sorted[Math.max(0, (int) Math.ceil(share * sorted.length) - 1)];
  }

  /** Without a fraction of zero. */
  static String plain(double value) {
    return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
  }
}
