package dev.podflare.store;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Addresses of PostgreSQL databases as text: {@code
 * postgresql://USER[:PASSWORD]@HOST[:PORT][,HOST[:PORT]…]/DATABASE[?NAME=VALUE&…]}, with
 * percent-encoding. No error tells the text, for it may have a password in it. Stateless.
 */
public final class PostgresUrl {
  private static final int USUAL_PORT = 5432;
  private static final String FORM =
      "the database's address must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE?NAME=VALUE,"
          + " with special characters percent-encoded";
  // The last @ ends the user's part, so that one in a password does no harm.
  private static final Pattern URL =
      Pattern.compile("postgres(?:ql)?://(?:(.*)@)?([^/?@]+)/([^/?]+)(?:\\?(.*))?");
  private static final Pattern HOST =
      Pattern.compile("(?:\\[([^\\]]+)\\]|([^:]+))(?::(\\d{1,5}))?");

  /** What may stand behind the question mark, with the driver's name for it. */
  private static final Map<String, String> PROPERTIES =
      Map.of(
          "sslmode", "sslmode",
          "sslrootcert", "sslrootcert",
          "sslcert", "sslcert",
          "sslkey", "sslkey",
          "application_name", "ApplicationName",
          "channel_binding", "channelBinding");

  private PostgresUrl() {}

  /**
   * Reads an address.
   *
   * @throws PodflareException {@code INVALID_CONFIG} that says what is wrong, without the text
   */
  public static DatabaseConfig.Postgres parse(String text) {
    Matcher url = URL.matcher(text.strip());
    if (!url.matches()) {
      throw refused(FORM);
    }
    if (url.group(1) == null || url.group(1).isEmpty() || url.group(1).startsWith(":")) {
      throw refused("the database's address names no user: " + FORM);
    }
    String[] who = url.group(1).split(":", 2);
    return new DatabaseConfig.Postgres(
        hosts(url.group(2)),
        decode(url.group(3)),
        decode(who[0]),
        who.length == 2 ? Optional.of(decode(who[1])) : Optional.empty(),
        url.group(4) == null ? Map.of() : properties(url.group(4)));
  }

  /** Whether the text holds a password; also where it is no address. */
  public static boolean hasPassword(String text) {
    Matcher url = URL.matcher(text.strip());
    return !url.matches() || (url.group(1) != null && url.group(1).contains(":"));
  }

  private static List<DatabaseConfig.Host> hosts(String list) {
    List<DatabaseConfig.Host> hosts = new ArrayList<>();
    for (String text : list.split(",", -1)) {
      Matcher host = HOST.matcher(text);
      if (!host.matches()) {
        throw refused("the database's address names a host that cannot be: " + FORM);
      }
      int port = host.group(3) == null ? USUAL_PORT : Integer.parseInt(host.group(3));
      if (port < 1 || port > 65_535) {
        throw refused("the database's port must be 1 to 65535");
      }
      hosts.add(
          new DatabaseConfig.Host(host.group(1) == null ? host.group(2) : host.group(1), port));
    }
    return hosts;
  }

  private static Map<String, String> properties(String query) {
    Map<String, String> properties = new TreeMap<>();
    for (String part : query.split("&", -1)) {
      String[] pair = part.split("=", 2);
      String known = PROPERTIES.get(pair[0]);
      if (known == null || pair.length != 2) {
        throw refused(
            "the database's address may have these after the question mark: "
                + String.join(", ", PROPERTIES.keySet().stream().sorted().toList()));
      }
      properties.put(known, decode(pair[1]));
    }
    return properties;
  }

  /** As in a path, where a plus sign is one. */
  private static String decode(String text) {
    try {
      return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      throw refused(FORM); // the exception's own words have a piece of the text
    }
  }

  private static PodflareException refused(String sentence) {
    return new PodflareException(ErrorCode.INVALID_CONFIG, sentence);
  }
}
