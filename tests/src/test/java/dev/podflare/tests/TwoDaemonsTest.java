package dev.podflare.tests;

import static dev.podflare.tests.GuestProbe.bash;
import static dev.podflare.tests.GuestProbe.python;
import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.NetworkPolicy;
import dev.podflare.client.Sandbox;
import dev.podflare.client.SandboxOptions;
import java.io.IOException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two daemons on one host, each with guests of its own. */
@OnPlatform
@Order(44)
class TwoDaemonsTest {
  private static final int SERVICE = 8000;

  /** How many addresses of each daemon's blocks are tried: more than it has slots here. */
  private static final int SLOTS = 12;

  /** Who answers is told, should one be reached. */
  private static final String TCP =
      """
      import socket, errno
      def tcp(host, port):
          try:
              with socket.create_connection((host, port), 10) as peer:
                  peer.sendall(b'GET /name HTTP/1.0\\r\\n\\r\\n')
                  return f'{host} port {port} says {peer.makefile().read()!r}'
          except OSError as error:
              return errno.errorcode.get(error.errno, type(error).__name__)
      """;

  private final TestPlatform one;
  private final TestInternet internet = TestInternet.get();

  TwoDaemonsTest(TestPlatform platform) {
    this.one = platform;
  }

  @Test
  void guestsReachNeitherEachOtherNorTheOthersServices(@TempDir Path data) {
    try (TestPlatform other = TestPlatform.start(data, UnaryOperator.identity());
        Sandbox here = create(one, "here");
        Sandbox there = create(other, "there")) {
      Set<String> addresses = internet.onHost(TwoDaemonsTest::addressesOfDaemons);
      assertThat(addresses).hasSizeGreaterThan(2 * SLOTS);
      Map.of("here", here, "there", there)
          .forEach((name, from) -> {
            assertThat(reached(from, addresses, SERVICE)).as("from " + name).isEqualTo("set()");
            assertThat(reached(from, addresses, 22)).as("from " + name).isEqualTo("set()");
          });
    }
  }

  /** With a service that waits to be reached, and then tells its name. */
  private static Sandbox create(TestPlatform platform, String name) {
    Sandbox sandbox =
        platform.client.create(SandboxOptions.builder().network(NetworkPolicy.open()).build());
    bash(
        sandbox,
        "cd /tmp; echo "
            + name
            + " > name; nohup python3 -m http.server --bind :: "
            + SERVICE
            + " > /dev/null 2>&1 &"
            + " for i in $(seq 200); do ss -ltn | grep -q :"
            + SERVICE
            + " && exit; sleep 0.1; done; exit 1");
    python(sandbox, TCP);
    return sandbox;
  }

  private static String reached(Sandbox from, Set<String> addresses, int port) {
    String all = addresses.stream().map(it -> "'" + it + "'").collect(Collectors.joining(","));
    String refusals = "{'ECONNREFUSED', 'EHOSTUNREACH', 'EACCES', 'ENETUNREACH'}";
    return python(from, "print({tcp(a, " + port + ") for a in [" + all + "]} - " + refusals + ")");
  }

  /** Of gates, and of the slots that follow them, as the host sees them. */
  private static Set<String> addressesOfDaemons() throws IOException {
    Set<String> found = new TreeSet<>();
    for (NetworkInterface link : NetworkInterface.networkInterfaces().toList()) {
      if (link.getName().startsWith("pf")) {
        for (InetAddress gate : link.inetAddresses().toList()) {
          if (!gate.isLinkLocalAddress()) {
            addNeighbours(gate, found);
          }
        }
      }
    }
    return found;
  }

  private static void addNeighbours(InetAddress gate, Set<String> found) throws IOException {
    byte[] address = gate.getAddress();
    for (int slot = 0; slot <= SLOTS; slot++) {
      found.add(InetAddress.getByAddress(address).getHostAddress());
      address[address.length - 1]++;
    }
  }
}
