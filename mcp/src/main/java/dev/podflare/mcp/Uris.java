package dev.podflare.mcp;

import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Addresses of what is in sandboxes. */
final class Uris {
  static final String FILE_TEMPLATE = "podflare://sandbox/{sandbox}/files/{+path}";
  static final String FIGURE_TEMPLATE =
      "podflare://sandbox/{sandbox}/execs/{exec}/figures/{number}";

  private static final Pattern FILE = Pattern.compile("podflare://sandbox/([^/]+)/files(/.+)");
  private static final Pattern FIGURE =
      Pattern.compile("podflare://sandbox/([^/]+)/execs/([^/]+)/figures/(\\d{1,4})");

  private Uris() {}

  /** A file by its absolute path. */
  record FileAddress(String sandbox, String path) {}

  /** What a call has shown, counted from 1 on. */
  record FigureAddress(String sandbox, String exec, int number) {}

  static String file(String sandbox, String path) {
    StringBuilder uri = new StringBuilder("podflare://sandbox/" + sandbox + "/files");
    String absolute = path.startsWith("/") ? path : "/root/" + path;
    for (String part : absolute.substring(1).split("/", -1)) {
      uri.append('/').append(encoded(part));
    }
    return uri.toString();
  }

  static String figure(String sandbox, String exec, int number) {
    return "podflare://sandbox/" + sandbox + "/execs/" + exec + "/figures/" + number;
  }

  static Optional<FileAddress> asFile(String uri) {
    Matcher matcher = FILE.matcher(uri);
    return matcher.matches()
        ? decoded(matcher.group(2)).map(path -> new FileAddress(matcher.group(1), path))
        : Optional.empty();
  }

  static Optional<FigureAddress> asFigure(String uri) {
    Matcher matcher = FIGURE.matcher(uri);
    return matcher.matches()
        ? Optional.of(
            new FigureAddress(
                matcher.group(1), matcher.group(2), Integer.parseInt(matcher.group(3))))
        : Optional.empty();
  }

  private static String encoded(String part) {
    return URLEncoder.encode(part, StandardCharsets.UTF_8).replace("+", "%20");
  }

  private static Optional<String> decoded(String path) {
    try {
      return Optional.of(URLDecoder.decode(path.replace("+", "%2B"), StandardCharsets.UTF_8));
    } catch (IllegalArgumentException malformed) {
      return Optional.empty();
    }
  }
}
