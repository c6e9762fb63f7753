package dev.podflare.tests;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Tar archives that must not be unpacked. */
final class BadArchives {
  private static final int BLOCK = 512;

  private BadArchives() {}

  static List<byte[]> all() {
    return List.of(
        file("../pwned"),
        file("/tmp/pwned"),
        file("a/../../pwned"),
        file("real/../../pwned"),
        file("etc/pwned"),
        one('2', "link", "/etc", 0),
        one('2', "link", "../..", 0),
        one('2', "real/link", "../../out", 0),
        one('1', "hard", "/etc/passwd", 0),
        one('1', "hard", "../../etc/passwd", 0),
        one('1', "hard", "etc/passwd", 0),
        one('3', "device", "", 0),
        one('4', "device", "", 0),
        one('6', "pipe", "", 0),
        one('S', "sparse", "", 0),
        one('0', "huge", "", 077777777777L),
        one('L', "long", "", 0777777777L),
        one('x', "pax", "", 0777777777L),
        pax("path=../pwned"),
        pax("path=/pwned"),
        pax("path=a\0b"),
        pax("size=99999999999999"),
        pax("GNU.sparse.major=1"),
        "no archive at all".repeat(100).getBytes(StandardCharsets.US_ASCII),
        new byte[] {31, -117, 8, 0},
        new byte[0],
        java.util.Arrays.copyOf(one('0', "short", "", 4000), 1024));
  }

  static byte[] file(String name) {
    byte[] content = "pwned".getBytes(StandardCharsets.US_ASCII);
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.writeBytes(one('0', name, "", content.length));
    all.writeBytes(java.util.Arrays.copyOf(content, BLOCK));
    all.writeBytes(new byte[2 * BLOCK]);
    return all.toByteArray();
  }

  private static byte[] pax(String record) {
    String text = " " + record + "\n";
    int length = text.length() + 2;
    byte[] bytes = (length + text).getBytes(StandardCharsets.ISO_8859_1);
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    all.writeBytes(one('x', "pax", "", bytes.length));
    all.writeBytes(java.util.Arrays.copyOf(bytes, BLOCK));
    all.writeBytes(file("pwned"));
    return all.toByteArray();
  }

  private static byte[] one(char type, String name, String target, long size) {
    byte[] head = new byte[BLOCK];
    put(head, 0, name);
    put(head, 100, "0000644");
    put(head, 124, "%011o".formatted(size));
    put(head, 136, "00000000000");
    head[156] = (byte) type;
    put(head, 157, target);
    put(head, 257, "ustar\00000");
    seal(head);
    return head;
  }

  /** Makes the check sum of the first header right. */
  static void seal(byte[] head) {
    put(head, 148, "        ");
    int sum = 0;
    for (int i = 0; i < BLOCK; i++) {
      sum += head[i] & 0xff;
    }
    put(head, 148, "%06o\0 ".formatted(sum));
  }

  private static void put(byte[] block, int offset, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.ISO_8859_1);
    System.arraycopy(bytes, 0, block, offset, Math.min(bytes.length, 100));
  }
}
