package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.ForkOptions;
import dev.podflare.client.NetworkPolicy;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** What guests reach with IPv6: real guests, a host and an internet in namespaces. */
@OnPlatform
@Order(44)
class GuestIpv6Test {
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
      def tcp(host, port=80):
          def action():
              with socket.create_connection((host, port), 10):
                  return 'connected'
          return attempt(action)
      def udp(host, port):
          def action():
              with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
                  s.settimeout(10); s.connect((host, port)); s.send(b'x')
                  return s.recv(2000)
          return attempt(action)
      def get(url, host=None):
          def action():
              request = urllib.request.Request(url, headers={'Host': host} if host else {})
              return urllib.request.urlopen(request, timeout=10).read().decode()
          return attempt(action)
      def six(name):
          return attempt(lambda: socket.getaddrinfo(name, 80, socket.AF_INET6)[0][4][0])
      """;

  private static final String SERVER = "http://[" + TestInternet.SERVER6 + "]/hello";
  private static final String OTHER = "http://[" + TestInternet.OTHER_SERVER6 + "]/hello";

  private final TestPlatform platform;
  private final TestInternet internet = TestInternet.get();

  GuestIpv6Test(TestPlatform platform) {
    this.platform = platform;
  }

  @BeforeEach
  void fillTheInternet() {
    internet.names6.put("six.example", TestInternet.SERVER6);
    internet.names6.put("shut.six.example", TestInternet.SERVER6);
    internet.names6.put("other.six.example", TestInternet.OTHER_SERVER6);
    internet.names6.put("metadata.six.example", TestInternet.METADATA6);
    internet.names6.put("nat64.six.example", TestInternet.NAT64_METADATA);
    internet.names.put("both.example", TestInternet.SERVER);
    internet.names6.put("both.example", TestInternet.SERVER6);
    internet.files.put("/hello", "hello".getBytes(StandardCharsets.UTF_8));
  }

  private Sandbox create(NetworkPolicy policy) {
    Sandbox sandbox = platform.client.create(SandboxOptions.builder().network(policy).build());
    python(sandbox, ATTEMPTS);
    return sandbox;
  }

  private static String get(Sandbox sandbox, String url) {
    return python(sandbox, "print(get('" + url + "'))");
  }

  @Test
  void aSandboxReachesTheInternetByDefaultAndItsCopiesToo() {
    try (Sandbox sandbox = create(NetworkPolicy.open())) {
      assertThat(get(sandbox, SERVER)).isEqualTo("hello");
      assertThat(get(sandbox, "http://six.example/hello")).isEqualTo("hello");
      assertThat(python(sandbox, "print(six('both.example'))")).isEqualTo(TestInternet.SERVER6);
      // With an address of its own that is local, a program takes IPv4 where a name has both.
      assertThat(python(sandbox, "print(socket.getaddrinfo('both.example', 80)[0][4][0])"))
          .isEqualTo(TestInternet.SERVER);
      Sandbox child = sandbox.fork(ForkOptions.of(1)).children().getFirst();
      assertThat(get(child, SERVER)).isEqualTo("hello");
      assertThat(child.network().bytesReceived().orElseThrow()).isPositive();
      child.close();
    }
  }

  @Test
  void nothingIsReachedWithoutEgressAndAllOfItFailsAtOnceAndIsTold() {
    try (Sandbox sandbox = platform.client.create(SandboxOptions.builder().egress(false).build())) {
      python(sandbox, ATTEMPTS);
      assertThat(get(sandbox, SERVER)).isEqualTo("ECONNREFUSED");
      assertThat(python(sandbox, "print(udp('" + TestInternet.SERVER6 + "', 9))"))
          .isEqualTo("EACCES");
      assertThat(python(sandbox, "print(six('shut.six.example'))")).isEqualTo("gaierror");
      assertThat(internet.nameServer.asked).doesNotContain("shut.six.example");
      Awaitility.await()
          .atMost(TestPlatform.PATIENCE)
          .untilAsserted(() ->
              assertThat(sandbox.network().lastRefused().orElseThrow())
                  .anySatisfy(refused -> {
                    assertThat(refused.protocol()).isEqualTo("tcp");
                    assertThat(refused.address()).contains(TestInternet.SERVER6);
                    assertThat(refused.port()).contains(80);
                    assertThat(refused.rule()).isEqualTo("default deny");
                  }));
      sandbox.setNetwork(NetworkPolicy.open());
      assertThat(get(sandbox, SERVER)).isEqualTo("hello");
    }
  }

  @Test
  void listsTakeAddressesBlocksAndPorts() {
    try (Sandbox sandbox = create(NetworkPolicy.only(List.of("[2001:db8:2::10]:80")))) {
      assertThat(get(sandbox, SERVER)).isEqualTo("hello");
      assertThat(get(sandbox, OTHER)).isEqualTo("ECONNREFUSED");
      sandbox.setNetwork(NetworkPolicy.only(List.of("2001:db8:2::/64")));
      assertThat(get(sandbox, OTHER)).isEqualTo("hello");
      assertThat(sandbox.network().allow()).containsExactly("2001:db8:2::/64");
    }
  }

  @Test
  void aRuleForADomainLetsItsNameThroughAndNothingElse() {
    try (Sandbox sandbox = create(NetworkPolicy.only(List.of("six.example")))) {
      assertThat(get(sandbox, "http://six.example/hello")).isEqualTo("hello");
      assertThat(get(sandbox, SERVER)).isNotEqualTo("hello");
      assertThat(python(sandbox, "print(get('" + SERVER + "', 'other.six.example'))"))
          .isNotEqualTo("hello");
      assertThat(python(sandbox, "print(get('" + OTHER + "', 'six.example'))"))
          .isNotEqualTo("hello");
      assertThat(get(sandbox, "http://other.six.example/hello")).isEqualTo("gaierror");
      assertThat(python(sandbox, "print(udp('" + TestInternet.SERVER6 + "', 443))"))
          .isEqualTo("EACCES");
    }
  }

  @Test
  void whatIsPrivateIsDeniedWhateverThePolicySays() {
    try (Sandbox sandbox = create(NetworkPolicy.open())) {
      for (String target :
          List.of(
              TestInternet.METADATA6,
              TestInternet.NAT64_METADATA,
              TestInternet.ROUTER6,
              TestInternet.HOST6,
              "fd70:6f64:666c::1")) {
        assertThat(python(sandbox, "print(tcp('" + target + "'))"))
            .as(target)
            .isEqualTo("ECONNREFUSED");
      }
      // Written as IPv6, sent as IPv4, and refused as that.
      assertThat(python(sandbox, "print(tcp('::ffff:" + TestInternet.METADATA + "'))"))
          .isEqualTo("ECONNREFUSED");
      assertThat(python(sandbox, "print(tcp('fe80::1%eth0'))")).isNotEqualTo("connected");
      assertThat(python(sandbox, "print(six('metadata.six.example'))")).isEqualTo("gaierror");
      assertThat(python(sandbox, "print(six('nat64.six.example'))")).isEqualTo("gaierror");
    }
  }

  @Test
  void aChangeIsInForceAtOnceAlsoForOpenConnections() {
    try (Sandbox sandbox = create(NetworkPolicy.open())) {
      python(
          sandbox, "open_one = socket.create_connection(('" + TestInternet.SERVER6 + "', 80)); 0");
      sandbox.setNetwork(NetworkPolicy.shut());
      assertThat(
              python(
                  sandbox,
                  """
                  def use():
                      open_one.settimeout(10)
                      open_one.sendall(b'GET /hello HTTP/1.0\\r\\n\\r\\n')
                      return len(open_one.recv(100000))
                  print(attempt(use))
                  """))
          .isIn("ECONNRESET", "TimeoutError", "EPIPE", "EACCES");
    }
  }

  /** By root, who is free to change all of the guest's own settings. */
  @Test
  void aGuestThatPlaysRouterChangesNothing() {
    String advertise =
        """
        import socket, struct
        card = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        card.bind(('eth0', 0))
        mac = bytes.fromhex('027066000002')
        source = socket.inet_pton(socket.AF_INET6, 'fe80::bad')
        target = socket.inet_pton(socket.AF_INET6, 'ff02::1')
        body = bytes([134, 0, 0, 0, 64, 0]) + struct.pack('>HII', 1800, 0, 0)
        whole = source + target + struct.pack('>II', len(body), 58) + body
        total = sum(struct.unpack('>%dH' % (len(whole) // 2), whole))
        total = (total & 0xffff) + (total >> 16)
        body = body[:2] + struct.pack('>H', ~total & 0xffff) + body[4:]
        head = struct.pack('>IHBB', 0x60000000, len(body), 58, 255) + source + target
        print(card.send(bytes.fromhex('333300000001') + mac + b'\\x86\\xdd' + head + body))
        """;
    try (Sandbox sandbox = create(NetworkPolicy.open())) {
      long before = refusedInSlot(sandbox);
      assertThat(python(sandbox, advertise)).isEqualTo("70");
      Awaitility.await().atMost(TestPlatform.PATIENCE).until(() -> refusedInSlot(sandbox) > before);
      assertThat(get(sandbox, SERVER)).isEqualTo("hello");
    }
  }

  private static long refusedInSlot(Sandbox sandbox) {
    return sandbox.network().refused().orElseThrow().getOrDefault("ipv6", 0L);
  }
}
