package dev.podflare.network;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.network.EgressPolicy.Default;
import dev.podflare.network.Internet.EchoServer;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
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

/** Slot, packet filter, resolver and gate together: a guest that speaks with the world by name. */
class SlotNamesTest {
  private static final String INSTANCE = "5e115106";
  private Internet internet;
  private Network network;
  private TestDns upstream;
  private Resolver resolver;
  private Gate gate;
  private Slot slot;
  private Guest guest;
  private EchoServer web;

  @BeforeEach
  void open() throws Exception {
    internet = Internet.create();
    network =
        Network.open(NetworkConfig.defaults().withHostNamespace(internet.host.path()), INSTANCE);
    upstream = new TestDns(internet.host::call);
    upstream.add("web.example. 60 A " + Internet.SERVER);
    upstream.add("other.example. 60 A " + Internet.SERVER);
    InetAddress address = network.gateAddress();
    ResolverConfig defaults = ResolverConfig.defaults(address);
    resolver =
        Resolver.start(
            new ResolverConfig(
                new InetSocketAddress(address, 0),
                List.of(upstream.address()),
                defaults.resolvConf(),
                defaults.attempt(),
                defaults.deadline(),
                defaults.cache(),
                defaults.longestTtl(),
                defaults.pinGrace(),
                defaults.limits()),
            network.access(),
            network.hostExecutor());
    gate = Gate.start(GateConfig.defaults(address), network.access(), network.hostExecutor());
    network.serve(new Services(resolver.port(), gate.port(), gate::recheck, gate::cut));
    slot = network.makeSlot();
    guest = internet.guest(slot);
    web = internet.tcp(internet.outside, Internet.SERVER, 80);
  }

  @AfterEach
  void close() throws Exception {
    gate.close();
    resolver.close();
    network.close();
    upstream.close();
    internet.close();
  }

  @Test
  void anAllowedNameIsResolvedPinnedAndReachedThroughTheGate() throws Exception {
    slot.apply(EgressPolicy.parse(Default.DENY, List.of("web.example"), List.of(), true));

    assertThat(guest.tcp(Internet.SERVER, 80)).isEqualTo("refused");
    assertThat(ask("other.example.").getRcode()).isEqualTo(Rcode.NXDOMAIN);
    assertThat(ask("web.example.").getSection(Section.ANSWER)).hasSize(1);
    assertThat(get("web.example")).contains("Host: web.example");
    assertThat(web.peers).containsExactly(Internet.HOST_PUBLIC);
    assertThat(get("other.example")).isEmpty();
    assertThat(web.accepted()).isEqualTo(1);
    assertThat(slot.report().refused().get("name")).isEqualTo(2);
    assertThat(slot.report().last()).extracting(Refusal::protocol).contains("dns", "tcp");
  }

  @Test
  void aChangeOfPolicyCutsWhatWentThroughTheGate() throws Exception {
    slot.apply(EgressPolicy.parse(Default.DENY, List.of("web.example"), List.of(), true));
    assertThat(ask("web.example.").getRcode()).isEqualTo(Rcode.NOERROR);
    try (Socket open = guest.connect(Internet.SERVER, 80)) {
      assertThat(request(open, "web.example")).contains("Host: web.example");
      slot.apply(EgressPolicy.parse(Default.DENY, List.of("new.example"), List.of(), true));
      assertThat(Guest.isCut(open)).isTrue();
    }
    assertThat(ask("web.example.").getRcode()).isEqualTo(Rcode.NXDOMAIN);
  }

  @Test
  void noNamesAtAllWhenTheyAreOff() throws Exception {
    slot.apply(EgressPolicy.parse(Default.ALLOW, List.of(), List.of(), false));
    assertThat(ask("web.example.").getRcode()).isEqualTo(Rcode.REFUSED);
    assertThat(upstream.asked).isEmpty();
    slot.apply(EgressPolicy.OPEN);
    assertThat(ask("web.example.").getRcode()).isEqualTo(Rcode.NOERROR);
  }

  private Message ask(String name) throws IOException {
    Record question = Record.newRecord(Name.fromString(name), Type.A, DClass.IN);
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
    try (Socket socket = guest.connect(Internet.SERVER, 80)) {
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
