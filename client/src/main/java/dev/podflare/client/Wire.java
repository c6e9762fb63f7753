package dev.podflare.client;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** Small conversions between the SDK's types and the wire's. */
final class Wire {
  private Wire() {}

  /** The wire counts whole seconds; what is shorter is rounded up. */
  static long seconds(Duration duration) {
    return duration.plusNanos(999_999_999).toSeconds();
  }

  static String encode(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }
}
