package dev.podflare.image;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collection;
import java.util.HexFormat;

/**
 * A digest of named values. Every value is written with its length, so that no two lists of values
 * read the same. One thread.
 */
final class Fingerprint {
  private final MessageDigest digest = sha256();

  static String of(byte[] bytes) {
    return HexFormat.of().formatHex(sha256().digest(bytes));
  }

  Fingerprint add(String name, byte[] value) {
    put(name.getBytes(StandardCharsets.UTF_8));
    put(value);
    return this;
  }

  Fingerprint add(String name, String value) {
    return add(name, value.getBytes(StandardCharsets.UTF_8));
  }

  Fingerprint add(String name, Collection<String> values) {
    add(name, Integer.toString(values.size()));
    values.forEach(value -> add(name, value));
    return this;
  }

  Fingerprint add(String name, GuestFile file) {
    return add(name, file.path())
        .add(name, Integer.toOctalString(file.mode()))
        .add(name, file.bytes());
  }

  /** 32 hex digits. The fingerprint takes no more values after that. */
  String finish() {
    return HexFormat.of().formatHex(digest.digest(), 0, 16);
  }

  private void put(byte[] bytes) {
    digest.update(ByteBuffer.allocate(4).putInt(0, bytes.length));
    digest.update(bytes);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
