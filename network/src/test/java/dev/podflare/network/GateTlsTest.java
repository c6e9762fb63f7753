package dev.podflare.network;

import static dev.podflare.network.GateRig.SLOT;
import static dev.podflare.network.GateRig.rest;
import static dev.podflare.network.GateRig.send;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** TLS through the gate: JDK, openssl and curl as clients, and hand-made hellos. */
@Timeout(60)
class GateTlsTest {
  @TempDir static Path folder;
  private static TestCertificate certificate;

  private final AtomicInteger reached = new AtomicInteger();
  private ServerSocket server;
  private GateRig rig;

  @BeforeAll
  static void certificate() throws Exception {
    certificate = TestCertificate.make(folder);
  }

  @BeforeEach
  void start() throws IOException {
    server = certificate.context.getServerSocketFactory().createServerSocket(0, 50, GateRig.SERVER);
    TestServers.Http http = new TestServers.Http();
    TestServers.serve(
        server,
        socket -> {
          reached.incrementAndGet();
          http.with(socket);
        });
    rig = GateRig.open(server);
    rig.allowOnly("good.example");
  }

  @AfterEach
  void stop() throws IOException {
    rig.close();
    server.close();
  }

  private String https(String name) throws IOException {
    try (SSLSocket tls = certificate.over(rig.connect(), name)) {
      send(tls, "GET / HTTP/1.1\r\nHost: " + name + "\r\n\r\n");
      tls.shutdownOutput();
      return rest(tls);
    }
  }

  @Test
  void anAllowedNameIsReached() throws IOException {
    assertThat(https("good.example")).endsWith("good.example");
    assertThat(https("GOOD.example")).endsWith("GOOD.example");
    assertThat(rig.slots.refusals).isEmpty();
  }

  @Test
  void frontingBySniIsRefused() throws IOException {
    assertThatThrownBy(() -> https("evil.example")).isInstanceOf(IOException.class);
    assertThat(reached).hasValue(0);
    assertThat(rig.slots.refusals)
        .singleElement()
        .satisfies(it -> assertThat(it.rule()).isEqualTo("default deny"))
        .satisfies(it -> assertThat(it.name()).contains("evil.example"))
        .satisfies(it -> assertThat(it.address()).contains(GateRig.SERVER));
    // The same where the policy does not mind.
    rig.allowAllBut("other.example");
    assertThat(https("evil.example")).endsWith("evil.example");
  }

  @Test
  void aRightNameToAnAddressThatWasNotAnsweredIsRefused() throws IOException {
    rig.slots.set(
        SLOT,
        EgressPolicy.parse(EgressPolicy.Default.DENY, List.of("*.good.example"), List.of(), true));
    assertThatThrownBy(() -> https("a.good.example")).isInstanceOf(IOException.class);
    assertThat(rig.slots.rules()).containsExactly("name does not match");
    rig.slots.pin(SLOT, "a.good.example", List.of(GateRig.SERVER), Duration.ofSeconds(5));
    assertThat(https("a.good.example")).endsWith("a.good.example");
    rig.nanos.addAndGet(Duration.ofSeconds(6).toNanos());
    assertThatThrownBy(() -> https("a.good.example"))
        .as("pin is over")
        .isInstanceOf(IOException.class);
  }

  @Test
  void anAlwaysDeniedDestinationIsRefusedWhateverTheName() throws IOException {
    rig.destination = new java.net.InetSocketAddress("10.213.0.9", 443);
    rig.slots.pin(
        SLOT, "good.example", List.of(MemorySlots.v4("10.213.0.9")), Duration.ofSeconds(60));
    assertThatThrownBy(() -> https("good.example")).isInstanceOf(IOException.class);
    assertThat(rig.slots.rules()).containsExactly("always denied");
  }

  @Test
  void opensslAndCurlGetThroughByTheirNames() throws Exception {
    assertThat(openssl("good.example")).contains("Verification: OK", "BEGIN CERTIFICATE");
    assertThat(openssl("evil.example")).contains("no peer certificate");
    assertThat(curl("good.example")).isEqualTo("good.example:4443");
    assertThat(curl("evil.example")).isEmpty();
  }

  private String openssl(String name) throws Exception {
    return run(
        "openssl s_client -connect 127.0.8.53:"
            + rig.gate.port()
            + " -bind 127.0.8.1:0"
            + " -servername "
            + name
            + " -CAfile "
            + certificate.pem
            + " -verify_hostname "
            + name);
  }

  private String curl(String name) throws Exception {
    return run(
        "curl -s --noproxy * --interface 127.0.8.1 --cacert "
            + certificate.pem
            + " --connect-to "
            + name
            + ":4443:127.0.8.53:"
            + rig.gate.port()
            + " https://"
            + name
            + ":4443/");
  }

  private static String run(String command) throws Exception {
    Process process = new ProcessBuilder(command.split(" ")).redirectErrorStream(true).start();
    process.getOutputStream().close();
    byte[] output = process.getInputStream().readAllBytes();
    assertThat(process.waitFor(20, TimeUnit.SECONDS)).isTrue();
    return new String(output, StandardCharsets.UTF_8);
  }

  @Test
  void aHelloInManySegmentsAndRecordsIsRead() throws IOException {
    for (int recordSize : List.of(3, 16384)) {
      byte[] hello = ClientHelloTest.hello(recordSize, ClientHelloTest.serverName("good.example"));
      try (Socket socket = rig.connect()) {
        socket.setTcpNoDelay(true);
        for (byte one : hello) {
          socket.getOutputStream().write(one);
          socket.getOutputStream().flush();
        }
        assertThat(socket.getInputStream().read()).as("the server's alert").isEqualTo(0x15);
      }
    }
    assertThat(reached).hasValue(2);
    assertThat(rig.slots.refusals).isEmpty();
  }

  @Test
  void aSlowHelloIsRefused() throws Exception {
    byte[] hello = ClientHelloTest.hello(16384, ClientHelloTest.serverName("good.example"));
    long start = System.nanoTime();
    try (Socket socket = rig.connect()) {
      assertThatThrownBy(
              () -> {
                for (byte one : hello) {
                  socket.getOutputStream().write(one);
                  Thread.sleep(50);
                }
              })
          .isInstanceOf(IOException.class);
    }
    assertThat(Duration.ofNanos(System.nanoTime() - start))
        .isBetween(GateRig.HELLO.minusMillis(50), GateRig.HELLO.plusSeconds(2));
    assertThat(rig.slots.rules()).containsExactly("cannot be checked");
    assertThat(reached).hasValue(0);
  }

  @Test
  void whatSaysNoNameIsRefused() throws IOException {
    byte[] large =
        ClientHelloTest.hello(
            16384,
            ClientHelloTest.extension(21, new byte[17_000]),
            ClientHelloTest.serverName("good.example"));
    byte[] nameless = ClientHelloTest.hello(16384, ClientHelloTest.extension(43, new byte[3]));
    byte[] encrypted = ClientHelloTest.hello(16384, ClientHelloTest.extension(0xfe0d, new byte[9]));
    byte[] junk = new byte[] {0, 1, 2};
    byte[] half = Arrays.copyOf(nameless, 20);
    byte[] silence = {};
    for (byte[] bytes : List.of(large, nameless, encrypted, junk, half, silence)) {
      try (Socket socket = rig.connect()) {
        socket.getOutputStream().write(bytes);
        assertThat(rest(socket)).startsWith("<");
      }
    }
    assertThat(rig.slots.rules()).hasSize(6).containsOnly("cannot be checked");
    assertThat(reached).hasValue(0);
  }

  @Test
  void underDefaultAllowAHelloForADeniedNameIsFoundHoweverLateItComes() throws Exception {
    rig.allowAllBut("evil.example");
    byte[] nameless = ClientHelloTest.hello(16384, ClientHelloTest.extension(43, new byte[3]));
    try (Socket socket = rig.connect()) {
      socket.getOutputStream().write(nameless);
      assertThat(socket.getInputStream().read()).isEqualTo(0x15);
    }
    byte[] evil = ClientHelloTest.hello(16384, ClientHelloTest.serverName("evil.example"));
    byte[] good = ClientHelloTest.hello(16384, ClientHelloTest.serverName("good.example"));
    for (boolean late : List.of(false, true)) {
      try (Socket socket = rig.connect()) {
        Thread.sleep(late ? GateRig.HELLO.toMillis() + 200 : 0);
        socket.getOutputStream().write(evil);
        assertThat(rest(socket)).isEqualTo("<Connection reset>");
      }
    }
    try (Socket socket = rig.connect()) {
      Thread.sleep(GateRig.HELLO.toMillis() + 200);
      socket.getOutputStream().write(good);
      assertThat(socket.getInputStream().read()).isEqualTo(0x15);
    }
    assertThat(rig.slots.rules()).containsExactly("deny evil.example", "deny evil.example");
  }
}
