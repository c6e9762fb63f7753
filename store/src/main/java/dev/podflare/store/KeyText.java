package dev.podflare.store;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.HexFormat;

/** The text of API keys: made here, and known elsewhere only by its digest. Thread-safe. */
public final class KeyText {
  private static final String PREFIX = "pf_live_";
  private static final String LETTERS =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  private static final int LENGTH = 32;
  private static final SecureRandom RANDOM = new SecureRandom();

  private KeyText() {}

  /** {@code pf_live_} and 32 random letters and digits: 190 bits. */
  public static String random() {
    StringBuilder text = new StringBuilder(PREFIX);
    for (int i = 0; i < LENGTH; i++) {
      text.append(LETTERS.charAt(RANDOM.nextInt(LETTERS.length())));
    }
    return text.toString();
  }

  /** Lower-case hex SHA-256 of a key's text. */
  public static String sha256(String text) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest);
    } catch (NoSuchAlgorithmException impossible) {
      throw new IllegalStateException("every Java has SHA-256", impossible);
    }
  }

  static String id() {
    byte[] raw = new byte[16];
    RANDOM.nextBytes(raw);
    return "key_" + HexFormat.of().formatHex(raw);
  }
}
