package dev.podflare.network;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * How a company's network is left: a proxy for HTTP and HTTPS, and certificates of authorities that
 * the proxy signs with. Rendered into what programs in a guest read. Immutable.
 *
 * <p>A user name and password in a proxy's address become readable to the guest, as no program
 * could use the proxy without them; {@link #hasCredentials} says so beforehand. A proxy in a
 * private network is reachable only if the operator opened its address ({@link DeniedRanges}).
 *
 * @param http proxy for {@code http:}
 * @param https proxy for {@code https:}
 * @param direct hosts that are reached without the proxy, besides the guest itself
 * @param certificates files on the host, PEM
 */
public record ProxySettings(
    Optional<URI> http, Optional<URI> https, List<String> direct, List<Path> certificates) {
  /** No proxy and no certificates. */
  public static final ProxySettings NONE =
      new ProxySettings(Optional.empty(), Optional.empty(), List.of(), List.of());

  private static final List<String> CERTIFICATE_VARIABLES =
      List.of("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS");
  private static final List<String> ITSELF = List.of("localhost", "127.0.0.1", "::1");
  private static final int MOST_DIRECT = 256;
  private static final Pattern COMMA = Pattern.compile("[,\\s]+");

  /** No character that means something in a shell, an ini file or a URL. */
  private static final Pattern DIRECT = Pattern.compile("[A-Za-z0-9.*:/_\\[\\]-]{1,253}");

  private static final Pattern ADDRESS =
      Pattern.compile("[A-Za-z0-9.:/_~!$&()*+,=@%\\[\\]-]{1,2000}");

  public ProxySettings {
    http.ifPresent(proxy -> check("http", proxy));
    https.ifPresent(proxy -> check("https", proxy));
    direct = List.copyOf(direct);
    certificates = List.copyOf(certificates);
    if (direct.size() > MOST_DIRECT) {
      throw invalid("at most " + MOST_DIRECT + " hosts can be reached directly");
    }
    for (String host : direct) {
      if (!DIRECT.matcher(host).matches()) {
        throw invalid("not a host for NO_PROXY: '" + host + "'");
      }
    }
    for (Path certificate : certificates) {
      if (!certificate.isAbsolute()) {
        throw invalid("a certificate's path must begin with '/': " + certificate);
      }
    }
  }

  /**
   * From the usual variables, lower case before upper case: {@code HTTP_PROXY}, {@code
   * HTTPS_PROXY}, {@code ALL_PROXY}, {@code NO_PROXY}, and those that name certificates.
   *
   * @param configured certificates that the configuration names
   * @throws PodflareException {@code invalid_config} if a value cannot be used
   */
  public static ProxySettings fromEnvironment(
      Map<String, String> environment, List<Path> configured) {
    Optional<URI> every = proxy(environment, "ALL_PROXY");
    Set<Path> certificates = new LinkedHashSet<>(configured);
    for (String variable : CERTIFICATE_VARIABLES) {
      value(environment, variable).map(Path::of).ifPresent(certificates::add);
    }
    return new ProxySettings(
        proxy(environment, "HTTP_PROXY").or(() -> every),
        proxy(environment, "HTTPS_PROXY").or(() -> every),
        value(environment, "NO_PROXY").stream()
            .flatMap(COMMA::splitAsStream)
            .filter(host -> !host.isEmpty())
            .distinct()
            .toList(),
        List.copyOf(certificates));
  }

  private static Optional<String> value(Map<String, String> environment, String name) {
    return Stream.of(name.toLowerCase(Locale.ROOT), name)
        .map(key -> environment.getOrDefault(key, "").strip())
        .filter(value -> !value.isEmpty())
        .findFirst();
  }

  private static Optional<URI> proxy(Map<String, String> environment, String name) {
    return value(environment, name).map(text -> parse(name, text));
  }

  private static URI parse(String name, String text) {
    try {
      return new URI(text.contains("://") ? text : "http://" + text);
    } catch (URISyntaxException e) {
      throw invalid(name + " is no address of a proxy; write http://proxy.example:3128");
    }
  }

  private static void check(String name, URI proxy) {
    boolean whole =
        ("http".equals(proxy.getScheme()) || "https".equals(proxy.getScheme()))
            && proxy.getHost() != null
            && (proxy.getRawPath().isEmpty() || proxy.getRawPath().equals("/"))
            && proxy.getRawQuery() == null
            && proxy.getRawFragment() == null
            && ADDRESS.matcher(proxy.toString()).matches();
    if (!whole) {
      // The value is not said: it may hold a password.
      throw invalid("the proxy for " + name + " must be written as http://proxy.example:3128");
    }
  }

  private static PodflareException invalid(String sentence) {
    return new PodflareException(ErrorCode.INVALID_CONFIG, sentence);
  }

  /** Whether a proxy's address holds a user name or password, which guests would see. */
  public boolean hasCredentials() {
    return Stream.of(http, https)
        .flatMap(Optional::stream)
        .anyMatch(it -> it.getUserInfo() != null);
  }

  /**
   * Variables for programs in the guest, in both spellings where both are read.
   *
   * @param bundle file in the guest with all certificates, the usual ones and these
   */
  public Map<String, String> guestEnvironment(Path bundle) {
    Map<String, String> variables = new LinkedHashMap<>();
    http.ifPresent(proxy -> both(variables, "HTTP_PROXY", proxy.toString()));
    https.ifPresent(proxy -> both(variables, "HTTPS_PROXY", proxy.toString()));
    if (http.isPresent() || https.isPresent()) {
      both(variables, "NO_PROXY", String.join(",", allDirect()));
    }
    if (!certificates.isEmpty()) {
      variables.putAll(certificateVariables(bundle));
    }
    return variables;
  }

  /** Variables that tell programs where the trusted certificates are. */
  public static Map<String, String> certificateVariables(Path bundle) {
    Map<String, String> variables = new LinkedHashMap<>();
    CERTIFICATE_VARIABLES.forEach(name -> variables.put(name, bundle.toString()));
    variables.put("PIP_CERT", bundle.toString());
    variables.put("GIT_SSL_CAINFO", bundle.toString());
    return variables;
  }

  private static void both(Map<String, String> variables, String name, String value) {
    variables.put(name, value);
    variables.put(name.toLowerCase(Locale.ROOT), value);
  }

  private List<String> allDirect() {
    List<String> hosts = new ArrayList<>(ITSELF);
    hosts.addAll(direct);
    return hosts.stream().distinct().toList();
  }

  /** Lines for {@code /etc/pip.conf}; empty if there is nothing to say. */
  public List<String> pipConfiguration(Path bundle) {
    List<String> lines = new ArrayList<>();
    https.or(() -> http).ifPresent(proxy -> lines.add("proxy = " + percent(proxy)));
    if (!certificates.isEmpty()) {
      lines.add("cert = " + bundle);
    }
    return section("[global]", lines);
  }

  /** pip's file takes a single percent sign for the beginning of a reference. */
  private static String percent(URI proxy) {
    return proxy.toString().replace("%", "%%");
  }

  /** Lines for {@code /etc/npmrc}. */
  public List<String> npmConfiguration(Path bundle) {
    List<String> lines = new ArrayList<>();
    http.ifPresent(proxy -> lines.add("proxy=" + proxy));
    https.ifPresent(proxy -> lines.add("https-proxy=" + proxy));
    if (!lines.isEmpty()) {
      lines.add("noproxy=" + String.join(",", allDirect()));
    }
    if (!certificates.isEmpty()) {
      lines.add("cafile=" + bundle);
    }
    return List.copyOf(lines);
  }

  /** Lines for {@code /etc/gitconfig}. */
  public List<String> gitConfiguration(Path bundle) {
    List<String> lines = new ArrayList<>();
    https.or(() -> http).ifPresent(proxy -> lines.add("\tproxy = " + proxy));
    if (!certificates.isEmpty()) {
      lines.add("\tsslCAInfo = " + bundle);
    }
    return section("[http]", lines);
  }

  private static List<String> section(String title, List<String> lines) {
    return lines.isEmpty() ? List.of() : Stream.concat(Stream.of(title), lines.stream()).toList();
  }

  /** Without passwords, for logs. */
  @Override
  public String toString() {
    return "ProxySettings[http="
        + shown(http)
        + ", https="
        + shown(https)
        + ", direct="
        + direct
        + ", certificates="
        + certificates
        + "]";
  }

  private static String shown(Optional<URI> proxy) {
    return proxy
        .map(it ->
            it.getScheme() + "://" + it.getHost() + (it.getPort() < 0 ? "" : ":" + it.getPort()))
        .orElse("none");
  }
}
