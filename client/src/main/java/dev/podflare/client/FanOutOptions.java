package dev.podflare.client;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What a fan-out runs.
 *
 * @param codes one for each child; {@link #of} gives the same to all
 * @param timeout of each call
 * @param pick which child goes on as the sandbox; empty: none, and all live on
 * @param reseed also reseed the random generators of Python and NumPy
 */
public record FanOutOptions(
    List<String> codes,
    Language language,
    Optional<Duration> timeout,
    Optional<Pick> pick,
    boolean reseed) {

  /** How a winner is found; only a call with exit code 0 can win. */
  public enum Pick {
    /** The first call that succeeds; the others are not waited for. */
    FIRST_SUCCESS,
    /** The smallest JSON number on a last line of standard output. */
    MIN,
    /** The largest of these. */
    MAX;

    public String wireName() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  public FanOutOptions {
    codes = List.copyOf(codes);
  }

  /** The same code in {@code count} children. */
  public static FanOutOptions of(int count, String code, Language language) {
    return each(java.util.Collections.nCopies(count, code), language);
  }

  /** One code for each child. */
  public static FanOutOptions each(List<String> codes, Language language) {
    return new FanOutOptions(codes, language, Optional.empty(), Optional.empty(), false);
  }

  public FanOutOptions withPick(Pick value) {
    return new FanOutOptions(codes, language, timeout, Optional.of(value), reseed);
  }

  public FanOutOptions withTimeout(Duration value) {
    return new FanOutOptions(codes, language, Optional.of(value), pick, reseed);
  }

  public FanOutOptions withReseed(boolean value) {
    return new FanOutOptions(codes, language, timeout, pick, value);
  }

  Map<String, Object> body() {
    Map<String, Object> body = new LinkedHashMap<>();
    if (codes.stream().distinct().count() == 1) {
      body.put("n", codes.size());
      body.put("code", codes.getFirst());
    } else {
      body.put("codes", codes);
    }
    body.put("language", language.wireName());
    body.put("framing", "chunks");
    timeout.ifPresent(it -> body.put("timeout_seconds", Wire.seconds(it)));
    pick.ifPresent(it -> body.put("pick", it.wireName()));
    if (reseed) {
      body.put("reseed", true);
    }
    return body;
  }
}
