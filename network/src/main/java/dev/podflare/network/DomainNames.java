package dev.podflare.network;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.net.IDN;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * One spelling for each name: lower case, ASCII, no dot at the end. Rules, queries, SNI and Host
 * all go through here, so that they can be compared as strings.
 */
final class DomainNames {
  private static final int LONGEST = 253;
  private static final Pattern LABELS =
      Pattern.compile(
          "(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\\.)*"
              + "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?");

  /** As browsers do: what ends in a number is an address, however odd its spelling. */
  private static final Pattern ENDS_IN_NUMBER = Pattern.compile("(?:.*\\.)?(?:\\d+|0x[0-9a-f]*)");

  /** Letters that the two IDN standards translate differently: sharp s, final sigma, joiners. */
  private static final Pattern AMBIGUOUS =
      Pattern.compile(".*[\\u00df\\u1e9e\\u03c2\\u200c\\u200d].*");

  private DomainNames() {}

  /**
   * The one spelling of a name in a rule.
   *
   * @throws PodflareException {@code invalid_field} if it is no name, or an address in disguise
   */
  static String require(String text) {
    String name = ascii(text);
    if (ENDS_IN_NUMBER.matcher(name).matches()) {
      throw refused(text, "an address must be four decimal numbers, as in 192.0.2.1");
    }
    if (name.length() > LONGEST || !LABELS.matcher(name).matches()) {
      throw refused(text, "write a name as in example.com or *.example.com, or an address");
    }
    return name;
  }

  private static String ascii(String text) {
    String name = text;
    if (!text.chars().allMatch(letter -> letter < 0x80)) {
      if (AMBIGUOUS.matcher(text).matches()) {
        throw refused(text, "this name has two translations; write the one you mean as xn--…");
      }
      try {
        name = IDN.toASCII(text);
      } catch (IllegalArgumentException e) {
        throw refused(text, "it has no ASCII form");
      }
    }
    return withoutDot(name).toLowerCase(Locale.ROOT);
  }

  /** The one spelling of a name that came over the wire; empty if it is none. */
  static Optional<String> read(String text) {
    String name = withoutDot(text).toLowerCase(Locale.ROOT);
    return name.length() <= LONGEST
            && LABELS.matcher(name).matches()
            && !ENDS_IN_NUMBER.matcher(name).matches()
        ? Optional.of(name)
        : Optional.empty();
  }

  private static String withoutDot(String name) {
    return name.endsWith(".") ? name.substring(0, name.length() - 1) : name;
  }

  private static PodflareException refused(String text, String why) {
    return new PodflareException(
        ErrorCode.INVALID_FIELD, "not a destination: '" + text + "'; " + why);
  }
}
