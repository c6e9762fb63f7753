package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Where a repository is.
 *
 * @param url as git is told it
 * @param host with its port, for a secret
 * @param path of the URL, without a slash at its end
 */
record GitAddress(String url, String host, String path, boolean tls) {
  private static final int LONGEST = 2048;
  private static final int TLS_PORT = 443;

  /** What neither git nor a server reads in two ways. */
  private static final Pattern PATH = Pattern.compile("(?:/[A-Za-z0-9_~+-][A-Za-z0-9._~+@-]*)+/?");

  static GitAddress parse(String text) {
    try {
      if (text.length() > LONGEST) {
        throw refused("at most " + LONGEST + " characters");
      }
      URI uri = new URI(text);
      boolean tls = "https".equals(uri.getScheme());
      if (!tls && !"http".equals(uri.getScheme())) {
        throw refused("of the form https://host/path");
      }
      if (uri.getRawUserInfo() != null) {
        throw refused("without a user: use 'credential', which stays outside of the sandbox");
      }
      String path = uri.getRawPath() == null ? "" : uri.getRawPath();
      boolean plain = uri.getRawQuery() == null && uri.getRawFragment() == null;
      if (uri.getHost() == null || !plain || !PATH.matcher(path).matches()) {
        throw refused("a host and a plain path, as in https://host/owner/name.git");
      }
      String shown = path.endsWith("/") ? path.substring(0, path.length() - 1) : path;
      int port = uri.getPort() < 0 ? TLS_PORT : uri.getPort();
      return new GitAddress(text, uri.getHost() + ":" + port, shown, tls);
    } catch (URISyntaxException e) {
      throw refused("a URL");
    }
  }

  /** The repository's own name. */
  String name() {
    String last = path.substring(path.lastIndexOf('/') + 1);
    return last.endsWith(".git") && last.length() > ".git".length()
        ? last.substring(0, last.length() - ".git".length())
        : last;
  }

  /** Paths by which servers know it: with and without an end that most of them do not need. */
  List<String> names() {
    return path.endsWith(".git")
        ? List.of(path, path.substring(0, path.length() - ".git".length()))
        : List.of(path, path + ".git");
  }

  /** Beginning of the URL, as far as its host. */
  String origin() {
    return url.substring(0, url.indexOf('/', url.indexOf("//") + 2) + 1);
  }

  /** The text is not repeated: a credential may have been put into it. */
  private static PodflareException refused(String expected) {
    return new PodflareException(
        ErrorCode.INVALID_FIELD,
        "'url' must be " + expected,
        Map.of("field", "url", "expected", expected));
  }
}
