package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Whether a result of a conformance script is what is expected. Stateless. */
final class ConformanceMatch {
  private static final Set<String> MATCHERS =
      Set.of("matches", "contains", "size", "at_least", "at_most", "any", "not");

  private ConformanceMatch() {}

  /** An {@code AssertionError} that names the place where a value is not as expected. */
  static void check(@Nullable Object value, @Nullable Object wanted, String where) {
    String at = where.isEmpty() ? "the result" : where;
    switch (wanted) {
      case byte[] bytes ->
          that(value instanceof byte[] own && Arrays.equals(own, bytes), at, value, "other bytes");
      case Map<?, ?> map when map.size() == 1 && MATCHERS.contains(key(map)) ->
          matcher(key(map), value, map.get(key(map)), at);
      case Map<?, ?> map -> {
        that(value instanceof Map<?, ?>, at, value, "a mapping");
        Map<?, ?> own = (Map<?, ?>) Objects.requireNonNull(value);
        map.forEach((key, part) -> {
          that(own.containsKey(key), at, value, "something with " + key);
          check(own.get(key), part, where.isEmpty() ? "" + key : where + "." + key);
        });
      }
      case List<?> list -> {
        that(
            value instanceof List<?> own && own.size() == list.size(),
            at,
            value,
            "such a list: " + list);
        List<?> own = (List<?>) Objects.requireNonNull(value);
        for (int i = 0; i < list.size(); i++) {
          check(own.get(i), list.get(i), where.isEmpty() ? "" + i : where + "." + i);
        }
      }
      case Number number ->
          that(value instanceof Number own && compare(own, number) == 0, at, value, "" + number);
      case null, default -> that(Objects.equals(value, wanted), at, value, "" + wanted);
    }
  }

  private static String key(Map<?, ?> map) {
    return (String) map.keySet().iterator().next();
  }

  private static int compare(Number one, Number other) {
    return new BigDecimal(one.toString()).compareTo(new BigDecimal(other.toString()));
  }

  private static void matcher(
      String kind, @Nullable Object value, @Nullable Object wanted, String at) {
    boolean holds =
        switch (kind) {
          case "matches" ->
              value instanceof String text && Pattern.compile("" + wanted).matcher(text).find();
          case "contains" ->
              value instanceof String text
                  ? text.contains("" + wanted)
                  : value instanceof List<?> list && list.stream().anyMatch(it -> fits(it, wanted));
          case "size" -> wanted instanceof Number size && size(value) == size.intValue();
          case "at_least" ->
              value instanceof Number own
                  && wanted instanceof Number least
                  && compare(own, least) >= 0;
          case "at_most" ->
              value instanceof Number own
                  && wanted instanceof Number most
                  && compare(own, most) <= 0;
          case "any" -> value != null;
          case "not" -> !fits(value, wanted);
          default -> throw new IllegalArgumentException(kind);
        };
    that(holds, at, value, kind + " " + wanted);
  }

  private static int size(@Nullable Object value) {
    return switch (value) {
      case String text -> text.codePointCount(0, text.length());
      case List<?> list -> list.size();
      case Map<?, ?> map -> map.size();
      case null, default -> -1;
    };
  }

  private static boolean fits(@Nullable Object value, @Nullable Object wanted) {
    try {
      check(value, wanted, "");
      return true;
    } catch (AssertionError mismatch) {
      return false;
    }
  }

  private static void that(boolean holds, String at, @Nullable Object value, String wanted) {
    assertThat(holds).as("%s is %s, not %s", at, value, wanted).isTrue();
  }
}
