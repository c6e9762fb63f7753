package dev.podflare.cli;

import java.util.Locale;
import java.util.Optional;

/**
 * One figure of the bench: a measured value against a floor of the same run.
 *
 * @param name what was measured
 * @param value in {@code unit}
 * @param unit {@code ms}, {@code MB/s} and the like
 * @param floor what it is held against; empty for rows that are only reported
 * @param aim the promise in words
 * @param kept whether the promise was kept; empty where there is none or no floor
 * @param note how it was measured
 */
record BenchRow(
    String name,
    double value,
    String unit,
    Optional<Floor> floor,
    String aim,
    Optional<Boolean> kept,
    String note) {

  /** The other side of the comparison, in the row's unit. */
  record Floor(String name, double value) {}

  static BenchRow reported(String name, double value, String unit, String note) {
    return new BenchRow(name, value, unit, Optional.empty(), "reported", Optional.empty(), note);
  }

  /** It could not be measured; the note says why. */
  static BenchRow absent(String name, String unit, String note) {
    return reported(name, Double.NaN, unit, note);
  }

  /** Held to {@code value <= factor * floor + allowance}. */
  static BenchRow bounded(
      String name,
      double value,
      String unit,
      Floor floor,
      double factor,
      double allowance,
      String note) {
    String aim =
        String.format(
                Locale.ROOT, factor < 0.1 ? "≤ %.2f × %s" : "≤ %.1f × %s", factor, floor.name())
            + (allowance == 0 ? "" : String.format(Locale.ROOT, " + %.0f %s", allowance, unit));
    boolean kept = value <= factor * floor.value() + allowance;
    return new BenchRow(name, value, unit, Optional.of(floor), aim, Optional.of(kept), note);
  }

  /** Held to {@code value >= factor * floor}: more is better. */
  static BenchRow atLeast(
      String name, double value, String unit, Floor floor, double factor, String note) {
    String aim = String.format(Locale.ROOT, "≥ %.1f × %s", factor, floor.name());
    boolean kept = value >= factor * floor.value();
    return new BenchRow(name, value, unit, Optional.of(floor), aim, Optional.of(kept), note);
  }

  /** Held to {@code value <= limit}, in the row's unit. */
  static BenchRow limited(String name, double value, String unit, double limit, String note) {
    String aim = String.format(Locale.ROOT, "≤ %s %s", Statistics.plain(limit), unit);
    return new BenchRow(
        name, value, unit, Optional.empty(), aim, Optional.of(value <= limit), note);
  }

  Optional<Double> ratio() {
    return floor.map(it -> value / it.value());
  }
}
