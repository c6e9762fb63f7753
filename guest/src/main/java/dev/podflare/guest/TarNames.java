package dev.podflare.guest;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;

/** Names in archives, of any bytes, held to lead to something in the folder. Stateless. */
final class TarNames {
  private static final int LONGEST_PART = 255;
  private static final int MOST_SHOWN = 200;

  private TarNames() {}

  /** Without {@code .}, doubled and closing slashes; empty for the folder itself. */
  static byte[] inside(byte[] name) {
    if (name.length > 0 && name[0] == '/') {
      throw bad("an absolute name: " + shown(name));
    }
    Deque<String> parts = new ArrayDeque<>();
    for (String part : latin(name).split("/", -1)) {
      if (part.equals("..")) {
        throw bad("a name that leads out: " + shown(name));
      }
      if (!part.isEmpty() && !part.equals(".")) {
        parts.add(checked(part));
      }
    }
    return bytes(String.join("/", parts));
  }

  /** Whether it is a name as {@link #inside(byte[])} returns it. */
  static boolean isPlain(byte[] name) {
    try {
      return Arrays.equals(name, inside(name));
    } catch (PodflareException e) {
      return false;
    }
  }

  /** The target of a symbolic link of that name, if it leads to something in the folder. */
  static byte[] inside(byte[] name, byte[] target) {
    String text = latin(target(target));
    Deque<String> at = new ArrayDeque<>();
    String[] own = latin(name).split("/", -1);
    for (int i = 0; i < own.length - 1; i++) {
      at.add(own[i]);
    }
    boolean out = text.startsWith("/");
    for (String part : text.split("/", -1)) {
      if (part.equals("..")) {
        out |= at.pollLast() == null;
      } else if (!part.isEmpty() && !part.equals(".")) {
        at.add(part);
      }
    }
    if (out) {
      throw bad("a link that leads out: " + shown(name) + " to " + shown(target));
    }
    return target;
  }

  /** Any target that a symbolic link can have. */
  static byte[] target(byte[] target) {
    if (target.length == 0 || target.length >= TreeRecord.LONGEST_NAME || hasNul(target)) {
      throw bad("a link without a target");
    }
    return target;
  }

  /** Of a hard link: the name of another entry. */
  static byte[] hardTarget(byte[] target) {
    byte[] name = inside(target);
    if (name.length == 0) {
      throw bad("a link without a target");
    }
    return name;
  }

  static PodflareException bad(String what) {
    return new PodflareException(
        ErrorCode.BAD_ARCHIVE, "the archive cannot be unpacked here: " + what);
  }

  static String shown(byte[] name) {
    String text = new String(name, StandardCharsets.UTF_8).replaceAll("\\p{Cntrl}", "?");
    return text.length() > MOST_SHOWN ? text.substring(0, MOST_SHOWN) + "…" : text;
  }

  private static String checked(String part) {
    if (part.length() > LONGEST_PART || part.indexOf('\0') >= 0) {
      throw bad("a name that no file can have");
    }
    return part;
  }

  private static boolean hasNul(byte[] bytes) {
    return latin(bytes).indexOf('\0') >= 0;
  }

  private static String latin(byte[] bytes) {
    if (bytes.length >= TreeRecord.LONGEST_NAME) {
      throw bad("a name of " + bytes.length + " bytes");
    }
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  private static byte[] bytes(String latin) {
    return latin.getBytes(StandardCharsets.ISO_8859_1);
  }
}
