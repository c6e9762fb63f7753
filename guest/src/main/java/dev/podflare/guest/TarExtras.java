package dev.podflare.guest;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** What extra headers of a tar archive say about the entry that follows them. One thread. */
final class TarExtras {
  /** Seconds that nanoseconds in 64 bits can tell. */
  private static final long MOST = 9_000_000_000L;

  private final Map<String, byte[]> values = new HashMap<>();

  void clear() {
    values.clear();
  }

  void name(byte[] bytes) {
    values.put("path", untilNul(bytes));
  }

  void target(byte[] bytes) {
    values.put("linkpath", untilNul(bytes));
  }

  /** Records of the form {@code LENGTH NAME=VALUE\n}. */
  void pax(byte[] bytes) {
    int at = 0;
    while (at < bytes.length) {
      int space = indexOf(bytes, ' ', at);
      String digits = new String(bytes, at, Math.max(0, space - at), StandardCharsets.ISO_8859_1);
      if (!digits.matches("\\d{1,6}")) {
        throw TarNames.bad("an extra header that cannot be read");
      }
      int end = at + Integer.parseInt(digits);
      int equals = indexOf(bytes, '=', space + 1);
      if (end > bytes.length || end <= space + 1 || equals < 0 || equals >= end) {
        throw TarNames.bad("an extra header that cannot be read");
      }
      String name = new String(bytes, space + 1, equals - space - 1, StandardCharsets.ISO_8859_1);
      if (name.startsWith("GNU.sparse.")) {
        throw TarNames.bad("a file in the sparse form of GNU tar; pack it without --sparse");
      }
      values.put(name, Arrays.copyOfRange(bytes, equals + 1, end - 1));
      at = end;
    }
  }

  /** Those for all entries: only what we would have to follow is refused. */
  void checkGlobal(byte[] bytes) {
    TarExtras all = new TarExtras();
    all.pax(bytes);
    if (all.values.containsKey("path")
        || all.values.containsKey("linkpath")
        || all.values.containsKey("size")) {
      throw TarNames.bad("a header that names all entries");
    }
  }

  Optional<byte[]> name() {
    return Optional.ofNullable(values.get("path"));
  }

  Optional<byte[]> target() {
    return Optional.ofNullable(values.get("linkpath"));
  }

  OptionalLong size() {
    byte[] text = values.get("size");
    if (text == null) {
      return OptionalLong.empty();
    }
    String digits = new String(text, StandardCharsets.ISO_8859_1);
    if (!digits.matches("\\d{1,13}")) {
      throw TarNames.bad("an impossible size");
    }
    return OptionalLong.of(Long.parseLong(digits));
  }

  OptionalLong modifiedNanos() {
    byte[] text = values.get("mtime");
    if (text == null) {
      return OptionalLong.empty();
    }
    String number = new String(text, StandardCharsets.ISO_8859_1);
    if (!number.matches("-?\\d{1,10}(\\.\\d{1,30})?")) {
      throw TarNames.bad("an impossible time");
    }
    int point = number.indexOf('.');
    long seconds =
        Math.clamp(Long.parseLong(point < 0 ? number : number.substring(0, point)), -MOST, MOST);
    String fraction = point < 0 ? "" : number.substring(point + 1);
    long nanos = Long.parseLong((fraction + "000000000").substring(0, 9));
    return OptionalLong.of(seconds * 1_000_000_000L + (number.startsWith("-") ? -nanos : nanos));
  }

  private static byte[] untilNul(byte[] bytes) {
    int end = indexOf(bytes, '\0', 0);
    return end < 0 ? bytes : Arrays.copyOf(bytes, end);
  }

  private static int indexOf(byte[] bytes, char wanted, int from) {
    for (int i = from; i < bytes.length; i++) {
      if (bytes[i] == wanted) {
        return i;
      }
    }
    return -1;
  }
}
