package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.common.DataSize;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Gate and resolver as they run: behind a packet filter that redirects, where a connection was
 * meant to go is what the kernel says, and clients are the C library's resolver and curl.
 */
@Timeout(60)
class GateRedirectTest {
  private final MemorySlots slots = new MemorySlots(List.of(), System::nanoTime);
  private TwoNamespaces net;

  @BeforeEach
  void start() throws Exception {
    net = new TwoNamespaces();
    slots.set(
        TwoNamespaces.SLOT,
        EgressPolicy.parse(
            EgressPolicy.Default.DENY, List.of("good.example", "rebind.example"), List.of(), true));
  }

  @AfterEach
  void stop() throws Exception {
    if (net != null) {
      net.close();
    }
  }

  private Gate gate() {
    return Gate.start(GateConfig.defaults(TwoNamespaces.GATEWAY), slots, net.host::run);
  }

  private String ask(String address, int port, String name) {
    return net.guest.call(() -> {
      try (Socket socket = new Socket()) {
        socket.setSoTimeout(5000);
        socket.connect(new InetSocketAddress(address, port), 2000);
        byte[] hello = ClientHelloTest.hello(16384, ClientHelloTest.serverName(name));
        socket.getOutputStream().write(hello);
        socket.shutdownOutput();
        return GateRig.rest(socket);
      } catch (IOException e) {
        return String.valueOf(e.getMessage());
      }
    });
  }

  @Test
  void theKernelTellsWhereTheConnectionWasMeantToGo() throws Exception {
    slots.pin(
        TwoNamespaces.SLOT, "good.example", List.of(TwoNamespaces.SERVER), Duration.ofSeconds(60));
    ServerSocket server = net.host.call(() -> new ServerSocket(443, 50, TwoNamespaces.SERVER));
    TestServers.serve(
        server,
        socket -> GateRig.send(socket, "bytes: " + socket.getInputStream().readAllBytes().length));
    try (server;
        Gate gate = gate()) {
      assertThat(ask("203.0.113.5", 443, "evil.example"))
          .as("without the filter")
          .startsWith("bytes: ");
      net.redirect(443, gate.port());
      assertThat(ask("203.0.113.5", 443, "good.example")).startsWith("bytes: ");
      assertThat(ask("203.0.113.5", 443, "evil.example")).contains("reset");
      assertThat(ask("203.0.113.6", 443, "good.example")).contains("reset");
      assertThat(ask("192.0.2.1", gate.port(), "good.example"))
          .as("not redirected: straight to the gate")
          .contains("reset");
    }
    assertThat(slots.refusals)
        .extracting(it -> it.address().orElseThrow().getHostAddress() + " " + it.rule())
        .containsExactly("203.0.113.5 default deny", "203.0.113.6 name does not match");
  }

  @Test
  void curlReachesWhatTheResolverToldItAndNothingElse(@TempDir Path folder) throws Exception {
    TestCertificate certificate = TestCertificate.make(folder);
    ServerSocket server =
        net.host.call(() ->
            certificate
                .context
                .getServerSocketFactory()
                .createServerSocket(443, 50, TwoNamespaces.SERVER));
    TestServers.serve(server, new TestServers.Http()::with);
    try (server;
        TestDns upstream = net.host.call(TestDns::new);
        Resolver resolver = Resolver.start(config(upstream.address()), slots, net.host::run);
        Gate gate = gate()) {
      assertThat(resolver.port()).isEqualTo(53);
      upstream.add("good.example 60 A 203.0.113.5");
      upstream.add("evil.example 60 A 203.0.113.5");
      upstream.add("rebind.example 60 A 127.0.0.1");
      net.redirect(443, gate.port());
      String curl = "curl -sS -m 10 --noproxy * --cacert " + certificate.pem;
      String known = curl + " --resolve good.example:443:203.0.113.5 https://good.example/";
      assertThat(net.inGuest(known)).as("an address of its own finding").contains("reset");
      assertThat(net.inGuest(curl + " https://good.example/")).isEqualTo("good.example");
      assertThat(net.inGuest(known)).as("the same address, now told").isEqualTo("good.example");
      assertThat(net.inGuest(curl + " https://evil.example/")).contains("Could not resolve host");
      assertThat(
              net.inGuest(curl + " --resolve evil.example:443:203.0.113.5 https://evil.example/"))
          .contains("reset");
      assertThat(net.inGuest("getent ahostsv4 GOOD.example")).startsWith("203.0.113.5");
      assertThat(net.inGuest("getent ahosts rebind.example")).isEmpty();
      assertThat(upstream.asked).noneMatch(it -> it.contains("evil"));
    }
  }

  private static ResolverConfig config(InetSocketAddress upstream) {
    return new ResolverConfig(
        new InetSocketAddress(TwoNamespaces.GATEWAY, 53),
        List.of(upstream),
        Path.of("/etc/resolv.conf"),
        Duration.ofSeconds(1),
        Duration.ofSeconds(2),
        DataSize.ofMebibytes(1),
        Duration.ofDays(1),
        Duration.ofSeconds(30),
        QueryLimits.defaults());
  }
}
