package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * A path, or a name, in a guest: any bytes but NUL, as Linux has it. Relative paths begin at {@code
 * /root}.
 *
 * @param latin one character from U+0001 to U+00FF for each byte
 */
public record FilePath(String latin) {
  private static final int LONGEST = 4095;
  private static final int LONGEST_PART = 255;

  public FilePath {
    if (latin.isEmpty() || latin.indexOf('\0') >= 0) {
      throw new PodflareException(
          ErrorCode.INVALID_FIELD, "a path must not be empty, and have no NUL");
    }
    int longest = 0;
    for (String part : latin.split("/", -1)) {
      longest = Math.max(longest, part.length());
    }
    if (latin.length() > LONGEST || longest > LONGEST_PART) {
      throw new PodflareException(
          ErrorCode.FILE_NAME_TOO_LONG,
          "a path has at most " + LONGEST + " bytes, and each name in it " + LONGEST_PART);
    }
  }

  public static FilePath of(String text) {
    return of(text.getBytes(StandardCharsets.UTF_8));
  }

  public static FilePath of(byte[] bytes) {
    return new FilePath(new String(bytes, StandardCharsets.ISO_8859_1));
  }

  public byte[] bytes() {
    return latin.getBytes(StandardCharsets.ISO_8859_1);
  }

  /** What people see: bytes that are no UTF-8 are replaced. */
  public String text() {
    return new String(bytes(), StandardCharsets.UTF_8);
  }

  /** Empty if the bytes are no UTF-8. */
  public Optional<String> exactText() {
    try {
      return Optional.of(
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes())).toString());
    } catch (CharacterCodingException e) {
      return Optional.empty();
    }
  }

  /** What lies below. */
  public FilePath resolve(FilePath below) {
    String base = latin.endsWith("/") ? latin : latin + "/";
    return new FilePath(base + below.latin);
  }

  @Override
  public String toString() {
    return text();
  }
}
