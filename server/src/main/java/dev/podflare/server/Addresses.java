package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/** Refuses addresses whose percent signs do not spell UTF-8, before anybody decodes them. */
final class Addresses {
  private Addresses() {}

  /** {@code part}: path or query as sent, or null. */
  static void check(@Nullable String part) {
    if (part == null || part.indexOf('%') < 0) {
      return;
    }
    ByteArrayOutputStream decoded = new ByteArrayOutputStream(part.length());
    for (int i = 0; i < part.length(); i++) {
      if (part.charAt(i) != '%') {
        decoded.writeBytes(part.substring(i, i + 1).getBytes(StandardCharsets.UTF_8));
        continue;
      }
      boolean hex =
          i + 2 < part.length()
              && HexFormat.isHexDigit(part.charAt(i + 1))
              && HexFormat.isHexDigit(part.charAt(i + 2));
      if (!hex) {
        throw refused("a percent sign must be followed by two hex digits");
      }
      decoded.write(HexFormat.fromHexDigits(part, i + 1, i + 3));
      i += 2;
    }
    byte[] bytes = decoded.toByteArray();
    if (Text.firstMalformed(bytes, bytes.length).isPresent()) {
      throw refused("it does not spell UTF-8");
    }
  }

  private static PodflareException refused(String why) {
    return new PodflareException(ErrorCode.BAD_REQUEST, "the address cannot be read: " + why);
  }
}
