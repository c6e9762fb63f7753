package dev.podflare.store.checkpoint;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;

/**
 * The key that opens an encrypted store: 32 random bytes that are kept outside of it, for example
 * of {@code openssl rand -hex 32}. A passphrase is no key and is refused, because guessing one is
 * cheap for whoever has the store. Losing the key is losing the store.
 */
public final class StoreKey {
  static final int BYTES = 32;

  private final byte[] bytes;

  private StoreKey(byte[] bytes) {
    this.bytes = bytes;
  }

  public static StoreKey of(byte[] bytes) {
    if (bytes.length != BYTES) {
      throw refused("the given bytes");
    }
    return new StoreKey(bytes.clone());
  }

  /**
   * Takes a key as text.
   *
   * @param text 64 hex digits, or Base64 of 32 bytes; space around it does not count
   * @param source where it is from, for the error's sentence, which never has the text itself
   */
  public static StoreKey parse(String text, String source) {
    String stripped = text.strip();
    try {
      byte[] bytes =
          stripped.length() == 2 * BYTES
              ? HexFormat.of().parseHex(stripped)
              : Base64.getDecoder().decode(stripped);
      if (bytes.length == BYTES) {
        return new StoreKey(bytes);
      }
    } catch (IllegalArgumentException notEncoded) {
      throw refused(source);
    }
    throw refused(source);
  }

  /** Reads a file that has the key as such or as {@link #parse} takes it. */
  public static StoreKey read(Path file) {
    try {
      byte[] content = Files.readAllBytes(file);
      return content.length == BYTES
          ? new StoreKey(content)
          : parse(new String(content, StandardCharsets.ISO_8859_1), "the file " + file);
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.INVALID_CONFIG, "cannot read the store's key from " + file, e);
    }
  }

  byte[] bytes() {
    return bytes.clone();
  }

  private static PodflareException refused(String source) {
    return new PodflareException(
        ErrorCode.INVALID_CONFIG,
        "not a store's key: "
            + source
            + "; it takes 32 random bytes, as 64 hex digits or in Base64"
            + " (openssl rand -hex 32)");
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof StoreKey key && Arrays.equals(bytes, key.bytes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bytes);
  }

  @Override
  public String toString() {
    return "StoreKey";
  }
}
