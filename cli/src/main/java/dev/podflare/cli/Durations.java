package dev.podflare.cli;

import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * Durations as people write them: {@code 250ms}, {@code 30s}, {@code 10m}, {@code 2h}, {@code 7d},
 * {@code 30}.
 */
final class Durations implements ITypeConverter<Duration> {
  private static final Pattern FORM = Pattern.compile("(\\d{1,9})(ms|s|m|h|d)?");

  @Override
  public Duration convert(String text) {
    Matcher matcher = FORM.matcher(text);
    if (!matcher.matches()) {
      throw new TypeConversionException("'" + text + "' is no duration; write 30s, 10m or 2h");
    }
    long amount = Long.parseLong(matcher.group(1));
    return switch (matcher.group(2)) {
      case "ms" -> Duration.ofMillis(amount);
      case "m" -> Duration.ofMinutes(amount);
      case "h" -> Duration.ofHours(amount);
      case "d" -> Duration.ofDays(amount);
      case null, default -> Duration.ofSeconds(amount);
    };
  }

  /** For tables: how long ago that was, roughly; {@code -} if nobody knows. */
  static String between(Optional<Instant> then, Instant now) {
    return then.map(at -> rough(Duration.between(at, now))).orElse("-");
  }

  /** For tables: how long until then, roughly; {@code -} if it does not come. */
  static String until(Optional<Instant> then, Instant now) {
    return then.map(at -> rough(Duration.between(now, at))).orElse("-");
  }

  private static String rough(Duration duration) {
    long seconds = Math.max(0, duration.toSeconds());
    if (seconds < 120) {
      return seconds + " s";
    }
    if (seconds < 7200) {
      return seconds / 60 + " min";
    }
    return seconds < 172_800 ? seconds / 3600 + " h" : seconds / 86_400 + " d";
  }

  /** For tables: {@code 0.4 ms}, {@code 12 ms}, {@code 3.1 s}. */
  static String text(double millis) {
    if (millis < 10) {
      return String.format(Locale.ROOT, "%.1f ms", millis);
    }
    if (millis < 1000) {
      return String.format(Locale.ROOT, "%.0f ms", millis);
    }
    return String.format(Locale.ROOT, "%.1f s", millis / 1000);
  }
}
