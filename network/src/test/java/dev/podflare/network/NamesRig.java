package dev.podflare.network;

import dev.podflare.network.EgressPolicy.Default;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.Inet4Address;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.xbill.DNS.Message;

/** Packet filter, resolver and gate on the host of an internet, and a guest behind them. */
final class NamesRig implements AutoCloseable {
  final Internet internet;
  final Network network;
  final TestDns upstream;
  final Blindfold resolverSees = new Blindfold();
  final Blindfold gateSees = new Blindfold();
  final Resolver resolver;
  final Gate gate;
  final Slot slot;
  final Guest guest;
  private final Plan plan;
  private final String table;

  NamesRig(Internet internet, String instance) throws IOException {
    this.internet = internet;
    network =
        Network.open(NetworkConfig.defaults().withHostNamespace(internet.host.path()), instance);
    plan = new Plan(instance, network.range());
    table = "inet " + plan.table();
    upstream = new TestDns(internet.host::call);
    resolver =
        Resolver.start(
            ResolverConfig.defaults(network.gateAddress())
                .withListen(new InetSocketAddress(network.gateAddress(), 0))
                .withUpstreams(List.of(upstream.address())),
            resolverSees.over(network.access()),
            network.hostExecutor());
    gate =
        Gate.start(
            GateConfig.defaults(network.gateAddress()).withIpv6(network.gateAddress6()),
            gateSees.over(network.access()),
            network.hostExecutor());
    serve(gate::recheck);
    slot = network.makeSlot();
    guest = internet.guest(slot);
  }

  /** Leads the guest to resolver and gate. */
  void serve(Consumer<Inet4Address> recheck) {
    network.serve(new Services(resolver.port(), gate.port(), gate.port6(), 0, recheck, gate::cut));
  }

  void allowOnly(String... names) {
    slot.apply(EgressPolicy.parse(Default.DENY, List.of(names), List.of(), true));
  }

  /** Lets what is under a rule for a name pass by the gate; the policy stays as it is. */
  void openWayPastTheGate() {
    for (IpVersion version : IpVersion.of(network.ipv6())) {
      host(
          """
          flush chain %1$s gate%2$s
          flush chain %1$s refuse_by_name_pinned%2$s
          add rule %1$s refuse_by_name_pinned%2$s goto settle%2$s
          """
              .formatted(table, version.suffix));
    }
  }

  /** Takes the denied ranges out of the packet filter. */
  void openDeniedRanges() {
    for (IpVersion version : IpVersion.of(network.ipv6())) {
      host("flush set " + table + " always_denied" + version.suffix);
    }
  }

  /** Pins an address in the packet filter, whatever the resolver has told. */
  void pinInTheFilter(String address) {
    Plan.Place place = plan.place(slot.index());
    IpVersion version = address.contains(":") ? IpVersion.V6 : IpVersion.V4;
    host(
        "add element %s pinned%s { %s . %s }"
            .formatted(table, version.suffix, version.outer(place), address));
  }

  private void host(String commands) {
    String ignored = internet.host.nft(commands);
  }

  /** What the resolver answers the guest. */
  Message ask(String name, int type) throws IOException {
    byte[] query = ResolverRig.query(name, type).toWire();
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

  /** What an echo server at port 80 answers to a request for this host. */
  String get(String address, String host) throws IOException {
    try (Socket socket = guest.connect(address, 80)) {
      return request(socket, host);
    }
  }

  static String request(Socket socket, String host) throws IOException {
    return exchange(
        socket,
        ("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
  }

  /** What an echo server at port 443 answers to the first words of TLS for this host. */
  String hello(String address, String host) throws IOException {
    try (Socket socket = guest.connect(address, 443)) {
      return hello(socket, host);
    }
  }

  static String hello(Socket socket, String host) throws IOException {
    return exchange(socket, ClientHelloTest.hello(1000, ClientHelloTest.serverName(host)));
  }

  /** The echo of what is sent; empty when the connection is cut. */
  static String exchange(Socket socket, byte[] bytes) throws IOException {
    try {
      socket.getOutputStream().write(bytes);
      return new String(
          socket.getInputStream().readNBytes(bytes.length), StandardCharsets.ISO_8859_1);
    } catch (SocketException reset) {
      return "";
    }
  }

  @Override
  public void close() throws IOException {
    gate.close();
    resolver.close();
    network.close();
    upstream.close();
    internet.close();
  }
}
