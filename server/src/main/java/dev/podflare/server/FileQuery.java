package dev.podflare.server;

import dev.podflare.engine.FilePath;
import dev.podflare.engine.FileRange;
import java.util.Base64;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What requests about files say. Stateless. */
final class FileQuery {
  private static final Pattern RANGE = Pattern.compile("bytes=(\\d{0,18})-(\\d{0,18})");

  private FileQuery() {}

  /** {@code path}, or {@code path_b64} for bytes that are no UTF-8. */
  static FilePath path(Exchange exchange) {
    return path("path", exchange.query("path"), exchange.query("path_b64"));
  }

  static FilePath path(Fields fields, String name) {
    return path(name, fields.text(name), fields.text(name + "_b64"));
  }

  private static FilePath path(String name, Optional<String> text, Optional<String> base64) {
    if (text.isPresent() == base64.isPresent()) {
      throw Fields.invalid(name, "given, or '" + name + "_b64' in its place");
    }
    return base64
        .map(encoded -> FilePath.of(decoded(name + "_b64", encoded)))
        .orElseGet(() -> FilePath.of(text.orElse("")));
  }

  private static byte[] decoded(String name, String base64) {
    try {
      return Base64.getUrlDecoder().decode(base64.replace('+', '-').replace('/', '_'));
    } catch (IllegalArgumentException malformed) {
      throw Fields.invalid(name, "base64");
    }
  }

  static String cursor(FilePath last) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(last.bytes());
  }

  static Optional<FilePath> cursor(Exchange exchange) {
    return exchange.query("cursor").map(text -> FilePath.of(decoded("cursor", text)));
  }

  /** Permission bits, octal. */
  static OptionalInt mode(Optional<String> text) {
    if (text.isEmpty()) {
      return OptionalInt.empty();
    }
    if (!text.get().matches("0?[0-7]{1,4}")) {
      throw Fields.invalid("mode", "octal permission bits, 0644 for one");
    }
    return OptionalInt.of(Integer.parseInt(text.get(), 8));
  }

  static Optional<Boolean> flag(Exchange exchange, String name) {
    return exchange
        .query(name)
        .map(text ->
            switch (text) {
              case "true" -> true;
              case "false" -> false;
              default -> throw Fields.invalid(name, "true or false");
            });
  }

  static Optional<Long> number(Exchange exchange, String name, long min, long max) {
    return exchange.query(name).map(text -> Numbers.inRange(name, text, min, max));
  }

  static boolean keepLinks(Exchange exchange) {
    return switch (exchange.query("links").orElse("refuse")) {
      case "refuse" -> false;
      case "keep" -> true;
      default -> throw Fields.invalid("links", "refuse or keep");
    };
  }

  /**
   * Empty where there is none, or one that may be taken for none: of several parts, or another
   * unit.
   */
  static Optional<FileRange> range(Exchange exchange) {
    Matcher matcher = RANGE.matcher(exchange.header("Range").orElse("").strip());
    if (!matcher.matches()) {
      return Optional.empty();
    }
    OptionalLong first = number(matcher.group(1));
    OptionalLong last = number(matcher.group(2));
    boolean backwards =
        first.isPresent() && last.isPresent() && last.getAsLong() < first.getAsLong();
    if (backwards || (first.isEmpty() && last.isEmpty())) {
      return Optional.empty();
    }
    return Optional.of(new FileRange(first, last));
  }

  private static OptionalLong number(String digits) {
    return digits.isEmpty() ? OptionalLong.empty() : OptionalLong.of(Long.parseLong(digits));
  }

  /** Whether a list of tags, or {@code *}, has this one. */
  static boolean names(Optional<String> tags, String tag) {
    if (tags.isEmpty()) {
      return false;
    }
    for (String each : tags.get().split(",", -1)) {
      String one = each.strip();
      if (one.equals("*") || one.equals(tag) || one.equals("W/" + tag)) {
        return true;
      }
    }
    return false;
  }

  /** {@code If-None-Match: *}, which alone makes sense for a write. */
  static boolean onlyNew(Exchange exchange) {
    Optional<String> tags = exchange.header("If-None-Match").map(String::strip);
    if (tags.isPresent() && !tags.get().equals("*")) {
      throw Fields.invalid("If-None-Match", "* or left out");
    }
    return tags.isPresent();
  }
}
