package dev.podflare.network;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The head of an HTTP/1 request, read strictly (RFC 9112): where two programs could see different
 * hosts or different ends of a body, it is malformed. Immutable.
 *
 * @param text as it is to be forwarded: what would change the protocol, except to WebSocket, is
 *     taken out, as a proxy may
 * @param target as the request line has it
 * @param host the name that the request is for; empty if it names none, or an address
 * @param length of the body; empty if it comes in chunks
 * @param webSocket whether it asks to go on as WebSocket
 */
record HttpHead(
    String text,
    String method,
    String target,
    Optional<String> host,
    OptionalLong length,
    boolean webSocket) {
  private static final Pattern REQUEST =
      Pattern.compile(
          "([!-~&&[^()<>@,;:\\\\\"/\\[\\]?={}]]{1,32}) ([^\\x00-\\x20\\x7f]+) HTTP/1\\.([01])");
  private static final Pattern ABSOLUTE =
      Pattern.compile("https?://([^/?#@]*)(?:[/?#].*)?", Pattern.CASE_INSENSITIVE);
  private static final Pattern HOST =
      Pattern.compile("([^:\\[\\]]*|\\[[0-9a-fA-F:.]+\\])(?::\\d{0,5})?");
  private static final Pattern V4 = Pattern.compile("(?:\\d{1,3}\\.){3}\\d{1,3}");
  private static final Pattern LENGTH = Pattern.compile("\\d{1,18}");
  private static final Pattern COMMA = Pattern.compile("[ \\t]*,[ \\t]*");
  private static final String TOKEN = "!#$%&'*+-.^_`|~";

  private record Field(String line, String name, String value) {}

  /** What a request names, if it names anything. */
  private record Host(Optional<String> name) {
    static final Host NONE = new Host(Optional.empty());
  }

  static boolean isToken(char letter) {
    return (letter >= '0' && letter <= '9')
        || (letter >= 'A' && letter <= 'Z')
        || (letter >= 'a' && letter <= 'z')
        || TOKEN.indexOf(letter) >= 0;
  }

  /**
   * Reads a head.
   *
   * @param text up to and with the empty line, one character a byte
   * @param mayUpgrade whether a WebSocket may begin here
   * @return empty if it is malformed
   */
  static Optional<HttpHead> read(String text, boolean mayUpgrade) {
    List<String> lines = new ArrayList<>(List.of(text.split("\r\n", -1)));
    lines.removeLast();
    lines.removeLast();
    Matcher request = REQUEST.matcher(lines.removeFirst());
    if (!request.matches() || request.group(1).equals("CONNECT")) {
      return Optional.empty();
    }
    Optional<List<Field>> fields = fields(lines);
    return fields.flatMap(it -> head(request, it, mayUpgrade));
  }

  private static Optional<List<Field>> fields(List<String> lines) {
    List<Field> fields = new ArrayList<>();
    for (String line : lines) {
      int colon = line.indexOf(':');
      String name = line.substring(0, Math.max(0, colon));
      String value = line.substring(colon + 1);
      boolean whole =
          colon > 0
              && name.chars().allMatch(it -> isToken((char) it))
              && value.chars().allMatch(it -> it == '\t' || (it >= ' ' && it != 0x7f));
      if (!whole) {
        return Optional.empty();
      }
      fields.add(new Field(line, name.toLowerCase(Locale.ROOT), value.strip()));
    }
    return Optional.of(fields);
  }

  private static Optional<HttpHead> head(Matcher request, List<Field> fields, boolean mayUpgrade) {
    boolean first = request.group(3).equals("0");
    Optional<Host> host = host(request.group(2), values(fields, "host"), first);
    Optional<OptionalLong> length = length(fields, first);
    if (host.isEmpty() || length.isEmpty()) {
      return Optional.empty();
    }
    List<String> upgrade = values(fields, "upgrade");
    boolean webSocket =
        mayUpgrade && upgrade.size() == 1 && upgrade.getFirst().equalsIgnoreCase("websocket");
    String text = request.group() + "\r\n" + forwarded(fields, webSocket) + "\r\n";
    return Optional.of(
        new HttpHead(
            text, request.group(1), request.group(2), host.get().name(), length.get(), webSocket));
  }

  private static List<String> values(List<Field> fields, String name) {
    return fields.stream().filter(it -> it.name().equals(name)).map(Field::value).toList();
  }

  /** Empty if malformed. */
  private static Optional<Host> host(String target, List<String> hosts, boolean oldVersion) {
    if (hosts.size() > 1 || (hosts.isEmpty() && !oldVersion)) {
      return Optional.empty();
    }
    Optional<Host> host = hosts.isEmpty() ? Optional.of(Host.NONE) : name(hosts.getFirst());
    if (target.startsWith("/") || target.equals("*")) {
      return host;
    }
    Matcher absolute = ABSOLUTE.matcher(target);
    // Servers take the target's host, older ones the field's: they must agree.
    boolean same = absolute.matches() && name(absolute.group(1)).equals(host);
    return same ? host : Optional.empty();
  }

  private static Optional<Host> name(String authority) {
    Matcher host = HOST.matcher(authority);
    if (!host.matches()) {
      return Optional.empty();
    }
    String name = host.group(1);
    if (name.isEmpty() || name.startsWith("[") || V4.matcher(name).matches()) {
      return Optional.of(Host.NONE);
    }
    return DomainNames.read(name).map(it -> new Host(Optional.of(it)));
  }

  private static Optional<OptionalLong> length(List<Field> fields, boolean oldVersion) {
    List<String> codings = values(fields, "transfer-encoding");
    List<String> lengths = values(fields, "content-length");
    if (codings.isEmpty() && lengths.isEmpty()) {
      return Optional.of(OptionalLong.of(0));
    }
    if (codings.isEmpty()) {
      return lengths.size() == 1 && LENGTH.matcher(lengths.getFirst()).matches()
          ? Optional.of(OptionalLong.of(Long.parseLong(lengths.getFirst())))
          : Optional.empty();
    }
    boolean chunked = codings.size() == 1 && codings.getFirst().equalsIgnoreCase("chunked");
    return chunked && lengths.isEmpty() && !oldVersion
        ? Optional.of(OptionalLong.empty())
        : Optional.empty();
  }

  private static String forwarded(List<Field> fields, boolean webSocket) {
    StringBuilder text = new StringBuilder();
    for (Field field : fields) {
      String line =
          switch (field.name()) {
            case "upgrade" -> webSocket ? field.line() : "";
            case "http2-settings" -> "";
            case "connection" -> webSocket ? field.line() : withoutUpgrade(field);
            default -> field.line();
          };
      if (!line.isEmpty()) {
        text.append(line).append("\r\n");
      }
    }
    return text.toString();
  }

  private static String withoutUpgrade(Field connection) {
    Predicate<String> protocol = Set.of("upgrade", "http2-settings")::contains;
    List<String> left =
        COMMA
            .splitAsStream(connection.value())
            .filter(it -> !protocol.test(it.toLowerCase(Locale.ROOT)))
            .toList();
    return left.isEmpty() ? "" : "Connection: " + String.join(", ", left);
  }
}
