package dev.podflare.server.testing;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * An HTTP answer as it came.
 *
 * @param headers names in lower case
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record Answer(int status, Map<String, List<String>> headers, byte[] body) {

  public Optional<String> header(String lowerCaseName) {
    return headers.getOrDefault(lowerCaseName, List.of()).stream().findFirst();
  }

  public String text() {
    return new String(body, StandardCharsets.UTF_8);
  }

  /** Media type without parameters; empty without one. */
  public String mediaType() {
    return header("content-type").orElse("").split(";", 2)[0].strip();
  }
}
