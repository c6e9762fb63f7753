package dev.podflare.tests;

import java.io.InputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Random;

/** Random bytes, and their digest when they have been read. One thread. */
final class Noise extends InputStream {
  private final long size;
  private final Random random;
  private final Runnable atHalf;
  private final MessageDigest digest;
  private long at;
  private boolean halfDone;
  private String hex = "";

  /** {@code atHalf}: runs when half of it has been read. */
  Noise(long size, long seed, Runnable atHalf) {
    this.size = size;
    this.random = new Random(seed);
    this.atHalf = atHalf;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException impossible) {
      throw new AssertionError(impossible);
    }
  }

  /** Hex, of all that was read; to be asked for when it has been. */
  String digest() {
    if (hex.isEmpty()) {
      hex = HexFormat.of().formatHex(digest.digest());
    }
    return hex;
  }

  @Override
  public int read() {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] target, int offset, int length) {
    if (at >= size) {
      return -1;
    }
    if (at >= size / 2 && !halfDone) {
      halfDone = true;
      atHalf.run();
    }
    byte[] bytes = new byte[(int) Math.min(length, size - at)];
    random.nextBytes(bytes);
    System.arraycopy(bytes, 0, target, offset, bytes.length);
    digest.update(bytes);
    at += bytes.length;
    return bytes.length;
  }
}
