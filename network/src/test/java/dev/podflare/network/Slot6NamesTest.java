package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.network.EgressPolicy.Default;
import dev.podflare.network.Internet.EchoServer;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/** A guest that speaks with the world by name and with IPv6: resolver, packet filter, gate. */
class Slot6NamesTest {
  private static final String INSTANCE = "5e11510b";
  private Internet internet;
  private Network network;
  private TestDns upstream;
  private Resolver resolver;
  private Gate gate;
  private Slot slot;
  private Guest guest;
  private EchoServer web;
  private EchoServer secure;

  @BeforeEach
  void open() throws Exception {
    internet = Internet.withIpv6();
    network =
        Network.open(NetworkConfig.defaults().withHostNamespace(internet.host.path()), INSTANCE);
    upstream = new TestDns(internet.host::call);
    upstream.add("web.example. 60 AAAA " + Internet.SERVER6);
    upstream.add("other.example. 60 AAAA " + Internet.SERVER6);
    upstream.add("rebind.example. 0 AAAA " + Internet.METADATA6);
    ResolverConfig usual =
        ResolverConfig.defaults(network.gateAddress())
            .withListen(new InetSocketAddress(network.gateAddress(), 0))
            .withUpstreams(List.of(upstream.address()));
    resolver = Resolver.start(usual, network.access(), network.hostExecutor());
    gate =
        Gate.start(
            GateConfig.defaults(network.gateAddress()).withIpv6(network.gateAddress6()),
            network.access(),
            network.hostExecutor());
    network.serve(
        new Services(resolver.port(), gate.port(), gate.port6(), 0, gate::recheck, gate::cut));
    slot = network.makeSlot();
    guest = internet.guest(slot);
    web = internet.tcp(internet.outside, Internet.SERVER6, 80);
    secure = internet.tcp(internet.outside, Internet.SERVER6, 443);
  }

  @AfterEach
  void close() throws Exception {
    gate.close();
    resolver.close();
    network.close();
    upstream.close();
    internet.close();
  }

  private void allowOnly(String... names) {
    slot.apply(EgressPolicy.parse(Default.DENY, List.of(names), List.of(), true));
  }

  @Test
  void anAllowedNameIsResolvedPinnedAndReachedThroughTheGate() throws Exception {
    allowOnly("web.example");

    assertThat(guest.tcp(Internet.SERVER6, 80)).isEqualTo("refused");
    assertThat(ask("other.example.").getRcode()).isEqualTo(Rcode.NXDOMAIN);
    assertThat(ask("web.example.").getSection(Section.ANSWER)).hasSize(1);
    assertThat(get("web.example")).contains("Host: web.example");
    assertThat(web.peers).containsExactly(Internet.HOST_PUBLIC6);
    assertThat(get("other.example")).isEmpty();
    assertThat(web.accepted()).isEqualTo(1);
    assertThat(slot.report().last())
        .filteredOn(it -> it.protocol().equals("tcp") && it.name().isPresent())
        .singleElement()
        .satisfies(it -> {
          assertThat(it.name()).contains("other.example");
          assertThat(it.addressText()).contains(Internet.SERVER6);
          assertThat(it.port()).hasValue(80);
        });

    slot.apply(EgressPolicy.OPEN);
    assertThat(get("other.example")).contains("Host: other.example");
  }

  @Test
  void theNameInTheTlsHelloCountsToo() throws Exception {
    allowOnly("web.example");
    assertThat(ask("web.example.").getRcode()).isEqualTo(Rcode.NOERROR);

    hello("other.example");
    assertThat(secure.accepted()).isZero();
    hello("web.example");
    assertThat(secure.received()).contains("web.example");

    slot.apply(EgressPolicy.OPEN);
    hello("other.example");
    assertThat(secure.received()).contains("other.example");
  }

  /** Begins a handshake, which the echo of it ends. */
  private void hello(String name) throws IOException {
    try (Socket socket = guest.connect(Internet.SERVER6, 443);
        SSLSocket tls =
            (SSLSocket)
                ((SSLSocketFactory) SSLSocketFactory.getDefault())
                    .createSocket(socket, name, 443, true)) {
      tls.startHandshake();
    } catch (SSLException | SocketException ended) {
      // The server speaks no TLS.
    }
  }

  @Test
  void anAddressThatTheResolverDidNotTellIsRefusedWhateverTheName() throws Exception {
    EchoServer other = internet.tcp(internet.outside, Internet.OTHER_SERVER6, 80);
    allowOnly("web.example");
    assertThat(ask("web.example.").getRcode()).isEqualTo(Rcode.NOERROR);
    assertThat(guest.tcp(Internet.OTHER_SERVER6, 80)).isEqualTo("refused");
    assertThat(other.accepted()).isZero();
  }

  @Test
  void rebindingIsDroppedInAnswersAndAtTheGate() throws Exception {
    internet.tcp(internet.outside, Internet.METADATA6, 80);
    allowOnly("rebind.example");
    assertThat(ask("rebind.example.").getSection(Section.ANSWER)).isEmpty();
    network
        .access()
        .pin(
            slot.outer(),
            "rebind.example",
            List.of(Internet.address(Internet.METADATA6)),
            java.time.Duration.ofMinutes(1));
    assertThat(guest.tcp(Internet.METADATA6, 80)).isEqualTo("refused");
  }

  @Test
  void aChangeOfPolicyCutsWhatWentThroughTheGate() throws Exception {
    allowOnly("web.example");
    assertThat(ask("web.example.").getRcode()).isEqualTo(Rcode.NOERROR);
    try (Socket open = guest.connect(Internet.SERVER6, 80)) {
      assertThat(request(open, "web.example")).contains("Host: web.example");
      allowOnly("new.example");
      assertThat(Guest.isCut(open)).isTrue();
    }
    assertThat(ask("web.example.").getRcode()).isEqualTo(Rcode.NXDOMAIN);
  }

  private Message ask(String name) throws IOException {
    Record question = Record.newRecord(Name.fromString(name), Type.AAAA, DClass.IN);
    byte[] query = Message.newQuery(question).toWire();
    try (DatagramSocket socket = guest.datagrams(0)) {
      socket.send(
          new DatagramPacket(
              query,
              query.length,
              new InetSocketAddress(Internet.address(Slot.GATEWAY_ADDRESS), 53)));
      DatagramPacket answer = new DatagramPacket(new byte[1500], 1500);
      socket.receive(answer);
      return new Message(Arrays.copyOf(answer.getData(), answer.getLength()));
    }
  }

  private String get(String host) throws IOException {
    try (Socket socket = guest.connect(Internet.SERVER6, 80)) {
      return request(socket, host);
    }
  }

  /** What the echo server answers to a request; empty when the connection is cut. */
  private static String request(Socket socket, String host) throws IOException {
    byte[] request =
        ("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII);
    try {
      socket.getOutputStream().write(request);
      return new String(
          socket.getInputStream().readNBytes(request.length), StandardCharsets.US_ASCII);
    } catch (SocketException reset) {
      return "";
    }
  }
}
