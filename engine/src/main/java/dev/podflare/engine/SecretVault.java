package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.Lazily;
import dev.podflare.common.PodflareException;
import dev.podflare.guest.Authority;
import dev.podflare.network.Destination;
import dev.podflare.network.GateAuthority;
import dev.podflare.network.SecretRule;
import dev.podflare.network.SecretValues;
import dev.podflare.store.checkpoint.SealedValues;
import dev.podflare.store.checkpoint.StoreKey;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/**
 * Checks, seals and opens secrets. The key is made when the first value is sealed, the gate's
 * authority when the first guest needs it. Values are open only while a caller gives them and while
 * a request is written. Thread-safe.
 */
final class SecretVault implements SecretValues {
  static final int MOST_SECRETS = 32;
  private static final int MOST_HOSTS = 16;
  private static final int LONGEST_VALUE = 8192;
  private static final int TLS_PORT = 443;
  private static final Pattern NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_]{0,63}");
  private static final Pattern HEADER = Pattern.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}");
  private static final Pattern QUERY = Pattern.compile("[A-Za-z0-9._~-]{1,64}");

  /** What decides where a request goes, where it ends, and how it is carried. */
  private static final Set<String> NO_HEADERS =
      Set.of(
          "host",
          "content-length",
          "transfer-encoding",
          "connection",
          "keep-alive",
          "proxy-connection",
          "proxy-authorization",
          "proxy-authenticate",
          "te",
          "trailer",
          "upgrade",
          "expect",
          "http2-settings",
          "content-encoding",
          "content-type");

  private final Supplier<SealedValues> values;
  private final Supplier<GateAuthority> authority;
  private final SecureRandom random = new SecureRandom();

  /**
   * @param key of the values; empty: one that is kept in the data folder
   */
  SecretVault(Path dataFolder, Optional<StoreKey> key) {
    this.values =
        Lazily.once(() ->
            key.map(SealedValues::of)
                .orElseGet(() -> SealedValues.of(dataFolder.resolve("secrets.key"))));
    this.authority =
        Lazily.once(() -> GateAuthority.open(dataFolder.resolve("gate-authority.pem")));
  }

  GateAuthority authority() {
    return authority.get();
  }

  /** The same, as guests are told it. */
  Authority trusted() {
    return new Authority(authority().subjectHash(), authority().pem());
  }

  @Override
  public byte[] open(SecretRule secret) {
    return values.get().open(secret.placeholder(), secret.sealed());
  }

  /** Text of a record for these secrets. */
  String seal(List<SecretRequest> requests, Instant now) {
    String text = SecretText.NONE;
    for (SecretRequest request : requests) {
      if (find(text, request.name()).isPresent()) {
        throw invalid("name", "given once; two secrets are called " + request.name());
      }
      text = put(text, request, now);
    }
    return text;
  }

  /** The text with this secret instead of the one of that name. The placeholder stays. */
  String put(String text, SecretRequest request, Instant now) {
    check(request);
    List<SecretText.Entry> entries = new ArrayList<>(SecretText.parse(text));
    Optional<SecretText.Entry> before = find(text, request.name());
    if (before.isEmpty() && entries.size() >= MOST_SECRETS) {
      throw new PodflareException(
          ErrorCode.TOO_MANY_SECRETS,
          "a sandbox has at most " + MOST_SECRETS + " secrets",
          Map.of("max", MOST_SECRETS));
    }
    String placeholder =
        before.map(it -> it.rule().placeholder()).orElseGet(() -> placeholder(request.name()));
    SecretRule rule = rule(request, placeholder, hosts(request.hosts()), List.of(), true);
    entries.removeIf(it -> it.rule().name().equals(request.name()));
    entries.add(
        new SecretText.Entry(rule, before.map(SecretText.Entry::createdAt).orElse(now), now));
    entries.sort(Comparator.comparing(it -> it.rule().name()));
    return SecretText.of(entries);
  }

  /** One that is in no record, for some requests alone, if they have its placeholder. */
  SecretRule passing(SecretRequest request, List<SecretRule.Request> only) {
    check(request);
    return rule(request, placeholder(request.name()), hosts(request.hosts()), only, false);
  }

  private SecretRule rule(
      SecretRequest request,
      String placeholder,
      List<Destination.Domain> hosts,
      List<SecretRule.Request> only,
      boolean whenAbsent) {
    byte[] value = request.value().bytes();
    try {
      return new SecretRule(
          request.name(),
          placeholder,
          hosts,
          request.place(),
          only,
          whenAbsent,
          values.get().seal(placeholder, value));
    } finally {
      Arrays.fill(value, (byte) 0);
    }
  }

  private String placeholder(String name) {
    byte[] tag = new byte[12];
    random.nextBytes(tag);
    return "pf_secret_" + name + "_" + HexFormat.of().formatHex(tag);
  }

  static Optional<SecretText.Entry> find(String text, String name) {
    return SecretText.parse(text).stream().filter(it -> it.rule().name().equals(name)).findFirst();
  }

  /** The text without that secret; {@code SECRET_NOT_FOUND}. */
  static String remove(String text, String name) {
    if (find(text, name).isEmpty()) {
      throw notThere(name);
    }
    return SecretText.of(
        SecretText.parse(text).stream().filter(it -> !it.rule().name().equals(name)).toList());
  }

  static PodflareException notThere(String name) {
    return new PodflareException(
        ErrorCode.SECRET_NOT_FOUND,
        "this sandbox has no secret of that name",
        Map.of("name", name.substring(0, Math.min(64, name.length()))));
  }

  private static void check(SecretRequest request) {
    if (!NAME.matcher(request.name()).matches()) {
      throw invalid("name", "1 to 64 letters, digits and underscores, and no digit first");
    }
    switch (request.place()) {
      case SecretRule.Place.Header header -> checkHeader(header.name());
      case SecretRule.Place.Query query -> {
        if (!QUERY.matcher(query.name()).matches()) {
          throw invalid("query", "1 to 64 letters, digits, '.', '_', '~' and '-'");
        }
      }
    }
    if (request.value().length() > LONGEST_VALUE || !request.value().fitsHeader()) {
      throw invalid(
          "value",
          "1 to " + LONGEST_VALUE + " characters of visible ASCII, with spaces only between them");
    }
  }

  private static void checkHeader(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    if (!HEADER.matcher(name).matches()
        || NO_HEADERS.contains(lower)
        || lower.startsWith("sec-websocket-")) {
      throw invalid("header", "the name of a field that does not steer the request itself");
    }
  }

  private static List<Destination.Domain> hosts(List<String> hosts) {
    if (hosts.isEmpty() || hosts.size() > MOST_HOSTS) {
      throw invalid("hosts", "a list of 1 to " + MOST_HOSTS + " hosts");
    }
    return hosts.stream().map(SecretVault::host).distinct().toList();
  }

  private static Destination.Domain host(String text) {
    if (!(Destination.parse(text) instanceof Destination.Domain domain)) {
      throw invalid("hosts", "names, not addresses: no certificate is for " + text);
    }
    if (domain.subdomains() && domain.name().indexOf('.') < 0) {
      throw invalid("hosts", "narrower than all names below " + domain.name());
    }
    if (domain.name().indexOf('_') >= 0) {
      throw invalid("hosts", "without '_', which TLS does not take in names: " + text);
    }
    int port = domain.port().orElse(TLS_PORT);
    if (port == 80 || port == 53) {
      throw invalid("hosts", "with a port that speaks TLS, not " + port);
    }
    return new Destination.Domain(domain.name(), domain.subdomains(), OptionalInt.of(port));
  }

  private static PodflareException invalid(String field, String expected) {
    return new PodflareException(
        ErrorCode.INVALID_FIELD,
        "a secret's '" + field + "' must be " + expected,
        Map.of("field", field, "expected", expected));
  }
}
