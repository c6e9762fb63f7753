package dev.podflare.engine;

import com.google.re2j.Matcher;
import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What is looked for in lines. Callers' expressions run on this host: RE2 takes time that grows
 * with the line's length alone, and how large an expression may be is limited. Immutable.
 */
final class LogPattern {
  private static final int LONGEST = 1000;

  /** Instructions that an expression may have: so many steps can one character take. */
  private static final int MOST_STEPS = 1000;

  private final Pattern pattern;

  private LogPattern(Pattern pattern) {
    this.pattern = pattern;
  }

  /** {@code INVALID_FIELD} for what is no expression, or a too large one. */
  static LogPattern of(LogWish wish) {
    if (wish.pattern().isEmpty() || wish.pattern().length() > LONGEST) {
      throw invalid("it needs 1 to " + LONGEST + " characters");
    }
    try {
      String text = wish.literal() ? Pattern.quote(wish.pattern()) : wish.pattern();
      Pattern compiled = Pattern.compile(text);
      if (!wish.literal() && compiled.programSize() > MOST_STEPS) {
        throw invalid("it takes too many steps; repeat less often");
      }
      return new LogPattern(compiled);
    } catch (PatternSyntaxException e) {
      throw invalid(e.getMessage());
    }
  }

  /** The groups of the first match; empty: there is none. */
  Optional<List<String>> find(String line) {
    Matcher matcher = pattern.matcher(line);
    if (!matcher.find()) {
      return Optional.empty();
    }
    List<String> groups = new ArrayList<>();
    for (int i = 1; i <= matcher.groupCount(); i++) {
      groups.add(Objects.requireNonNullElse(matcher.group(i), ""));
    }
    return Optional.of(groups);
  }

  private static PodflareException invalid(@Nullable String why) {
    return new PodflareException(
        ErrorCode.INVALID_FIELD,
        "'pattern' must be a regular expression as RE2 understands it: " + why,
        Map.of("field", "pattern"));
  }
}
