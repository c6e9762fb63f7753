package dev.podflare.engine;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** A secret's value on its way from the caller to the records. It prints nothing. */
public final class SecretValue {
  private final byte[] bytes;

  private SecretValue(byte[] bytes) {
    this.bytes = bytes;
  }

  public static SecretValue of(String text) {
    return new SecretValue(text.getBytes(StandardCharsets.UTF_8));
  }

  byte[] bytes() {
    return bytes.clone();
  }

  int length() {
    return bytes.length;
  }

  /** Visible ASCII and spaces within: what a field of a request can hold. */
  boolean fitsHeader() {
    for (byte each : bytes) {
      if (each < ' ' || each > '~') {
        return false;
      }
    }
    return bytes.length > 0 && bytes[0] != ' ' && bytes[bytes.length - 1] != ' ';
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof SecretValue value && Arrays.equals(bytes, value.bytes);
  }

  @Override
  public int hashCode() {
    return 0; // not even that
  }

  @Override
  public String toString() {
    return "SecretValue";
  }
}
