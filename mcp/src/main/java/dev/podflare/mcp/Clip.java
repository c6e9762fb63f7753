package dev.podflare.mcp;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * Takes a text as it comes and keeps as much as a model is to read, head and tail; beside it the
 * first part as it was, for whoever wants more. One thread.
 */
final class Clip {
  /** Most bytes of one output that a model gets. */
  static final int SHOWN = 20_000;

  /** Most bytes that are kept beside. */
  static final int KEPT = 512 << 10;

  private final int half;
  private final int most;
  private final ByteArrayOutputStream kept = new ByteArrayOutputStream();
  private final byte[] tail;
  private long total;
  private long lines;

  Clip() {
    this(SHOWN);
  }

  Clip(int shown) {
    this(shown, KEPT);
  }

  /** {@code most}: bytes that are kept beside, at least those that are shown. */
  Clip(int shown, int most) {
    this.half = shown / 2;
    this.most = most;
    this.tail = new byte[half];
  }

  void add(byte[] bytes) {
    kept.write(bytes, 0, Math.min(most - kept.size(), bytes.length));
    for (int at = Math.max(0, bytes.length - half); at < bytes.length; at++) {
      tail[(int) ((total + at) % half)] = bytes[at];
    }
    for (byte each : bytes) {
      if (each == '\n') {
        lines++;
      }
    }
    total += bytes.length;
  }

  long total() {
    return total;
  }

  boolean isCut() {
    return total > 2L * half;
  }

  /** Whether {@link #kept} is all of it. */
  boolean isKept() {
    return total <= most;
  }

  byte[] kept() {
    return kept.toByteArray();
  }

  /** What a model gets. {@code where}: where more of it is, if it is cut. */
  String shown(Optional<String> where) {
    byte[] all = kept.toByteArray();
    if (!isCut()) {
      return new String(all, StandardCharsets.UTF_8);
    }
    int headEnd = boundary(all, half);
    byte[] end = end();
    int tailStart = boundary(end, 0);
    long leftOut = total - headEnd - (half - tailStart);
    long leftOutLines = lines - newlines(all, 0, headEnd) - newlines(end, tailStart, end.length);
    String place = where.map(it -> "; " + it).orElse("");
    return new String(all, 0, headEnd, StandardCharsets.UTF_8)
        + "\n[… "
        + leftOut
        + " bytes ("
        + leftOutLines
        + " lines) left out here"
        + place
        + " …]\n"
        + new String(end, tailStart, end.length - tailStart, StandardCharsets.UTF_8);
  }

  private byte[] end() {
    byte[] end = new byte[half];
    int from = (int) (total % half);
    System.arraycopy(tail, from, end, 0, half - from);
    System.arraycopy(tail, 0, end, half - from, from);
    return end;
  }

  /** The next place on from which a character begins. */
  private static int boundary(byte[] bytes, int from) {
    int at = from;
    while (at < bytes.length && at < from + 3 && (bytes[at] & 0xC0) == 0x80) {
      at++;
    }
    return at;
  }

  private static long newlines(byte[] bytes, int from, int to) {
    long count = 0;
    for (int at = from; at < to; at++) {
      if (bytes[at] == '\n') {
        count++;
      }
    }
    return count;
  }
}
