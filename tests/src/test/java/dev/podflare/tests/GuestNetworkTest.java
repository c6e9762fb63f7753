package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.ForkOptions;
import dev.podflare.client.Language;
import dev.podflare.client.NetworkInfo;
import dev.podflare.client.NetworkPolicy;
import dev.podflare.client.RunListener;
import dev.podflare.client.RunRequest;
import dev.podflare.client.RunResult;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** What guests reach: real guests, a host and an internet in namespaces. */
@OnPlatform
@Order(43)
class GuestNetworkTest {
  private static final int CHILDREN = LongRun.choose(4, 20);
  private static final int LARGE = 2_000_000;

  /** Ways to speak with the outside; each prints what became of it, in a word. */
  private static final String ATTEMPTS =
      """
      import socket, urllib.request, errno
      def attempt(action):
          try:
              return str(action())
          except OSError as error:
              reason = getattr(error, 'reason', error)
              return errno.errorcode.get(getattr(reason, 'errno', None), type(reason).__name__)
      def tcp(host, port):
          def action():
              with socket.create_connection((host, port), 10):
                  return 'connected'
          return attempt(action)
      def udp(host, port, payload=b'x'):
          def action():
              with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                  s.settimeout(10); s.connect((host, port)); s.send(payload)
                  return s.recv(2000)
          return attempt(action)
      def get(url, host=None):
          def action():
              request = urllib.request.Request(url, headers={'Host': host} if host else {})
              return urllib.request.urlopen(request, timeout=10).read().decode()
          return attempt(action)
      def name(text):
          return attempt(lambda: socket.gethostbyname(text))
      """;

  private final TestPlatform platform;
  private final TestInternet internet = TestInternet.get();

  GuestNetworkTest(TestPlatform platform) {
    this.platform = platform;
  }

  @BeforeEach
  void fillTheInternet() {
    internet.names.put("files.example", TestInternet.SERVER);
    internet.names.put("other.example", TestInternet.OTHER_SERVER);
    internet.names.put("metadata.example", TestInternet.METADATA);
    internet.files.put("/hello", "hello".getBytes(StandardCharsets.UTF_8));
  }

  private Sandbox create(NetworkPolicy policy) {
    Sandbox sandbox = platform.client.create(SandboxOptions.builder().network(policy).build());
    python(sandbox, ATTEMPTS);
    return sandbox;
  }

  @Test
  void aSandboxReachesTheInternetByDefault() {
    try (Sandbox sandbox = create(NetworkPolicy.open())) {
      assertThat(python(sandbox, "print(get('http://files.example/hello'))")).isEqualTo("hello");
      NetworkInfo network = sandbox.network();
      assertThat(network.networked()).isTrue();
      assertThat(network.bytesReceived().orElseThrow()).isPositive();
      assertThat(network.lastRefused().orElseThrow()).isEmpty();
    }
  }

  @Test
  void nothingIsReachedWithoutEgressAndAllOfItFailsAtOnce() {
    try (Sandbox sandbox = platform.client.create(SandboxOptions.builder().egress(false).build())) {
      python(sandbox, ATTEMPTS);
      String server = "'" + TestInternet.SERVER + "'";
      assertThat(python(sandbox, "print(tcp(" + server + ", 80))")).isEqualTo("ECONNREFUSED");
      assertThat(python(sandbox, "print(udp(" + server + ", 9))")).isIn("EACCES", "EHOSTUNREACH");
      assertThat(python(sandbox, "print(tcp('" + TestInternet.SERVER6 + "', 80))"))
          .isEqualTo("ECONNREFUSED");
      assertThat(python(sandbox, "print(name('secret.files.example'))")).isEqualTo("gaierror");
      RunResult ping =
          sandbox.runCode(
              "import os; s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1); s.settimeout(10);"
                  + " s.sendto(b'\\x08\\x00\\xf7\\xfd\\x00\\x01\\x00\\x01', ("
                  + server
                  + ", 0)); print(s.recv(100)[20])");
      assertThat(ping.stdout().strip()).as("%s", ping).isEqualTo("3"); // unreachable
      assertThat(internet.nameServer.asked).doesNotContain("secret.files.example");
      assertThat(sandbox.network().lastRefused().orElseThrow())
          .anySatisfy(refused -> {
            assertThat(refused.protocol()).isEqualTo("tcp");
            assertThat(refused.address()).contains(TestInternet.SERVER);
            assertThat(refused.port()).contains(80);
            assertThat(refused.rule()).isEqualTo("default deny");
          });
    }
  }

  @Test
  void aChangeIsInForceAtOnceAlsoForOpenConnections() {
    internet.files.put("/large", new byte[LARGE]);
    try (Sandbox sandbox = create(NetworkPolicy.open())) {
      python(
          sandbox, "open_one = socket.create_connection(('" + TestInternet.SERVER + "', 80)); 0");
      NetworkInfo shut = sandbox.setNetwork(NetworkPolicy.shut());
      assertThat(shut.fallback()).isEqualTo("deny");
      assertThat(shut.dns()).isEqualTo("off");
      assertThat(
              python(
                  sandbox,
                  """
                  def use():
                      open_one.settimeout(10)
                      open_one.sendall(b'GET /large HTTP/1.0\\r\\n\\r\\n')
                      return len(open_one.recv(100000))
                  print(attempt(use))
                  """))
          .isIn("ECONNRESET", "TimeoutError", "EPIPE", "EACCES");
      assertThat(python(sandbox, "print(get('http://files.example/hello'))")).isEqualTo("gaierror");
      sandbox.setNetwork(NetworkPolicy.open());
      assertThat(python(sandbox, "print(get('http://files.example/hello'))")).isEqualTo("hello");
    }
  }

  @Test
  void aRuleForADomainLetsItsNameThroughAndNothingElse() {
    try (Sandbox sandbox = create(NetworkPolicy.only(List.of("files.example")))) {
      assertThat(python(sandbox, "print(get('http://files.example/hello'))")).isEqualTo("hello");
      String byAddress = "'http://" + TestInternet.SERVER + "/hello'";
      assertThat(python(sandbox, "print(get(" + byAddress + "))")).isNotEqualTo("hello");
      assertThat(python(sandbox, "print(get(" + byAddress + ", 'other.example'))"))
          .isNotEqualTo("hello");
      assertThat(python(sandbox, "print(get('http://other.example/hello'))")).isEqualTo("gaierror");
      assertThat(python(sandbox, "print(udp('" + TestInternet.SERVER + "', 443))"))
          .isIn("EACCES", "EHOSTUNREACH");
      assertThat(sandbox.network().refused().orElseThrow().get("name")).isPositive();
    }
  }

  /** Asked directly, it would tell names that the daemon's resolver refuses, and hear secrets. */
  @Test
  void anotherResolverIsNotReachedUnderARuleForADomain() {
    String ask =
        "print(udp('"
            + TestInternet.RESOLVER
            + "', 53, bytes.fromhex('000101000001000000000000"
            + "056f74686572076578616d706c650000010001')))";
    try (Sandbox sandbox = create(NetworkPolicy.only(List.of("files.example")))) {
      assertThat(python(sandbox, ask)).isIn("EACCES", "EHOSTUNREACH");
      assertThat(python(sandbox, "print(tcp('" + TestInternet.RESOLVER + "', 53))"))
          .isNotEqualTo("connected");
      sandbox.setNetwork(NetworkPolicy.open());
      assertThat(python(sandbox, ask)).startsWith("b'");
    }
  }

  @Test
  void whatIsPrivateIsDeniedWhateverThePolicySays() {
    try (Sandbox sandbox = create(NetworkPolicy.open());
        Sandbox neighbour = create(NetworkPolicy.open())) {
      bash(neighbour, "cd /tmp; nohup python3 -m http.server 8000 > /dev/null 2>&1 & sleep 2");
      for (String target :
          List.of(TestInternet.METADATA, TestInternet.PRIVATE, "198.51.100.2", "127.0.0.53")) {
        assertThat(python(sandbox, "print(tcp('" + target + "', 80))"))
            .as(target)
            .isEqualTo("ECONNREFUSED");
      }
      assertThat(python(sandbox, "print(name('metadata.example'))")).isEqualTo("gaierror");
      assertThat(python(sandbox, "print(tcp('192.0.0.1', 22))")).isEqualTo("ECONNREFUSED");
      // The neighbours' slots, as the host sees them; some addresses have none just now.
      String reached = "{tcp(f'10.213.0.{i}', 8000) for i in range(1, 12)}";
      assertThat(
              python(
                  sandbox, "print(" + reached + " - {'ECONNREFUSED', 'EHOSTUNREACH'} or 'none')"))
          .isEqualTo("none");
    }
  }

  @Test
  void childrenKeepThePolicyAndHaveNetworksOfTheirOwn() throws Exception {
    byte[] large = new byte[LARGE];
    new Random(7).nextBytes(large);
    internet.files.put("/large", large);
    try (Sandbox parent = create(NetworkPolicy.only(List.of("files.example")))) {
      List<Sandbox> children = parent.fork(ForkOptions.of(CHILDREN)).children();
      String code =
          "import hashlib; print(hashlib.sha256(urllib.request.urlopen("
              + "'http://files.example/large', timeout=60).read()).hexdigest())";
      try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
        List<CompletableFuture<String>> sums = new ArrayList<>();
        for (Sandbox child : children) {
          sums.add(CompletableFuture.supplyAsync(() -> python(child, code), executor));
        }
        assertThat(sums.stream().map(CompletableFuture::join).distinct()).hasSize(1);
        assertThat(sums.getFirst().join()).isEqualTo(python(parent, code));
      }
      Sandbox child = children.getFirst();
      assertThat(python(child, "print(get('http://other.example/hello'))")).isEqualTo("gaierror");
      assertThat(child.network().allow()).containsExactly("files.example");
      child.setNetwork(NetworkPolicy.open());
      parent.mergeInto(child); // the policy is that of the id, and so the parent's
      assertThat(parent.network().allow()).containsExactly("files.example");
      assertThat(python(parent, "print(get('http://other.example/hello'))")).isEqualTo("gaierror");
      children.forEach(Sandbox::close);
    }
  }

  @Test
  void theFirstRefusalIsNotedBesideAProgramsErrors() {
    try (Sandbox sandbox = create(NetworkPolicy.shut())) {
      RunResult result =
          sandbox.run(
              RunRequest.of(
                  "exec 3<>/dev/tcp/" + TestInternet.SERVER + "/443; sleep 0.3", Language.BASH),
              new RunListener() {});
      assertThat(result.stderr())
          .contains("podflare: network: tcp to " + TestInternet.SERVER + " port 443 was refused");
      assertThat(sandbox.runCode("print(1)").stderr()).isEmpty();
    }
  }

  @Test
  void whatIsRefusedToAForkThatReachesNothingIsToldToo() {
    try (Sandbox parent = create(NetworkPolicy.shut());
        Sandbox child = parent.fork(ForkOptions.of(1)).children().getFirst()) {
      python(child, ATTEMPTS);
      python(child, "print(tcp('" + TestInternet.SERVER + "', 80))");
      Awaitility.await()
          .atMost(TestPlatform.PATIENCE)
          .until(() -> !child.network().lastRefused().orElseThrow().isEmpty());
      assertThat(parent.network().lastRefused().orElseThrow()).isEmpty();
    }
  }

  @Test
  void aSlotsNextUserHasNothingOfItsLast() {
    for (int i = 0; i < 3; i++) {
      try (Sandbox sandbox = create(NetworkPolicy.open())) {
        assertThat(sandbox.network().lastRefused().orElseThrow()).isEmpty();
        assertThat(sandbox.network().refused().orElseThrow().get("policy")).isZero();
        python(sandbox, "print(tcp('" + TestInternet.METADATA + "', 80))");
        Awaitility.await()
            .atMost(TestPlatform.PATIENCE)
            .until(() -> !sandbox.network().lastRefused().orElseThrow().isEmpty());
      }
    }
  }
}
