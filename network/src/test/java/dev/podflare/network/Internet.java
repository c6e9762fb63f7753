package dev.podflare.network;

import dev.podflare.linux.Links.VethEnd;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A host and an internet, each a namespace. The internet holds every address that a test wants to
 * attack, metadata and private ones too, so that nothing ever leaves the machine.
 */
final class Internet implements AutoCloseable {
  static final String HOST_PUBLIC = "198.51.100.2";
  static final String SERVER = "203.0.113.10";
  static final String OTHER_SERVER = "203.0.113.20";
  static final String METADATA = "169.254.169.254";
  static final String PRIVATE = "10.99.0.1";
  static final String HOST_PUBLIC6 = "2001:db8:1::2";
  static final String NEIGHBOUR6 = "2001:db8:1::1";
  static final String SERVER6 = "2001:db8:2::10";
  static final String OTHER_SERVER6 = "2001:db8:2::20";
  static final String METADATA6 = "fd00:ec2::254";
  static final String PRIVATE6 = "fd12:3456::1";
  static final String NAT64_METADATA = "64:ff9b::a9fe:a9fe";
  static final String NAT64_SERVER = "64:ff9b::cb00:710a";
  static final String SIX_TO_FOUR = "2002:a63:1::1";
  static final String TEREDO = "2001:0:a63:1::1";
  static final String ISATAP = "2001:db8:2::5efe:a63:1";

  final Namespace host;
  final Namespace outside;
  private final Deque<Runnable> open = new ArrayDeque<>();

  private Internet(Namespace host, Namespace outside) {
    this.host = host;
    this.outside = outside;
  }

  static Internet create() {
    Internet internet = new Internet(Namespace.create("host"), Namespace.create("outside"));
    internet.join();
    return internet;
  }

  /** The same with IPv6, on the host and on the outside. */
  static Internet withIpv6() {
    Internet internet = create();
    internet.join6();
    return internet;
  }

  private void join6() {
    host.ipv6("uplink");
    outside.ipv6("uplink");
    host.links(links -> {
      int uplink = links.index("uplink");
      links.addAddress(uplink, address(HOST_PUBLIC6), 64);
      links.addRoute(address("::"), 0, uplink, Optional.of(address(NEIGHBOUR6)), Optional.empty());
    });
    outside.links(links -> {
      links.addAddress(links.index("uplink"), address(NEIGHBOUR6), 64);
      for (String held :
          List.of(
              SERVER6,
              OTHER_SERVER6,
              METADATA6,
              PRIVATE6,
              NAT64_METADATA,
              NAT64_SERVER,
              SIX_TO_FOUR,
              TEREDO,
              ISATAP)) {
        links.addAddress(1, address(held), 128);
      }
    });
  }

  private void join() {
    host.links(links -> {
      links.addVeth(
          new VethEnd("uplink", "02:00:00:00:00:01"),
          new VethEnd("uplink", "02:00:00:00:00:02"),
          outside.path(),
          1500);
      int uplink = links.index("uplink");
      links.bringUp(uplink);
      links.addAddress(uplink, address(HOST_PUBLIC), 24);
      links.addRoute(
          address("0.0.0.0"), 0, uplink, Optional.of(address("198.51.100.1")), Optional.empty());
    });
    outside.links(links -> {
      int uplink = links.index("uplink");
      links.bringUp(uplink);
      links.addAddress(uplink, address("198.51.100.1"), 24);
      for (String held : List.of(SERVER, OTHER_SERVER, METADATA, PRIVATE)) {
        links.addAddress(1, address(held), 32);
      }
    });
  }

  static InetAddress address(String text) {
    return Cidr.parse(text).network();
  }

  /** Answers each connection's bytes with the same bytes; remembers what it got. */
  EchoServer tcp(Namespace where, String address, int port) {
    EchoServer server =
        where.call(() -> EchoServer.listen(new InetSocketAddress(address(address), port)));
    server.start();
    open.push(server::close);
    return server;
  }

  /** Answers datagrams with themselves. */
  UdpEcho udp(Namespace where, String address, int port) {
    UdpEcho server =
        where.call(() -> UdpEcho.listen(new InetSocketAddress(address(address), port)));
    server.start();
    open.push(server::close);
    return server;
  }

  Guest guest(Slot slot) {
    Guest guest = Guest.start(slot);
    open.push(guest::close);
    return guest;
  }

  /** Takes one rule out of a chain of the host. */
  void rewrite(String table, String chain, String rule, String instead) {
    String listed = host.nft("list chain " + table + " " + chain);
    if (!listed.contains(rule)) {
      throw new AssertionError(rule + " is not in " + listed);
    }
    String body = listed.substring(listed.indexOf("chain"), listed.lastIndexOf('}'));
    host.nft(
        "flush chain %1$s %2$s\ntable %1$s {\n".formatted(table, chain)
            + body.replace(rule, instead)
            + "}\n");
  }

  @Override
  public void close() {
    while (!open.isEmpty()) {
      open.pop().run();
    }
    host.close();
    outside.close();
  }

  /** A TCP server. */
  static final class EchoServer implements AutoCloseable {
    private final ServerSocket socket;
    final List<String> peers = new ArrayList<>();
    private final StringBuilder received = new StringBuilder();

    private EchoServer(ServerSocket socket) {
      this.socket = socket;
    }

    static EchoServer listen(InetSocketAddress address) throws IOException {
      EchoServer server = new EchoServer(new ServerSocket());
      server.socket.bind(address, 1024);
      return server;
    }

    int port() {
      return socket.getLocalPort();
    }

    /** Not in the namespace's own thread, see {@code NamespaceThread}. */
    void start() {
      Thread.ofVirtual().start(this::accept);
    }

    private void accept() {
      while (!socket.isClosed()) {
        try {
          Socket peer = socket.accept();
          synchronized (peers) {
            peers.add(Addresses.text(peer.getInetAddress()));
          }
          Thread.ofVirtual().start(() -> echo(peer));
        } catch (IOException closed) {
          return;
        }
      }
    }

    private void echo(Socket peer) {
      try (peer) {
        byte[] bytes = new byte[4096];
        for (int size; (size = peer.getInputStream().read(bytes)) > 0; ) {
          took(new String(bytes, 0, size, StandardCharsets.UTF_8));
          peer.getOutputStream().write(bytes, 0, size);
        }
      } catch (IOException ended) {
        // The guest was cut off, which is what some tests want.
      }
    }

    private void took(String text) {
      synchronized (peers) {
        received.append(text);
      }
    }

    String received() {
      synchronized (peers) {
        return received.toString();
      }
    }

    int accepted() {
      synchronized (peers) {
        return peers.size();
      }
    }

    @Override
    public void close() {
      try {
        socket.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** A UDP server that also can speak first to whom it has heard. */
  static final class UdpEcho implements AutoCloseable {
    private final DatagramSocket socket;
    volatile Optional<InetSocketAddress> last = Optional.empty();
    final AtomicInteger heard = new AtomicInteger();

    private UdpEcho(DatagramSocket socket) {
      this.socket = socket;
    }

    static UdpEcho listen(InetSocketAddress address) throws IOException {
      UdpEcho server = new UdpEcho(new DatagramSocket(address));
      return server;
    }

    void start() {
      Thread.ofVirtual().start(this::answer);
    }

    private void answer() {
      while (!socket.isClosed()) {
        try {
          DatagramPacket packet = new DatagramPacket(new byte[2048], 2048);
          socket.receive(packet);
          last = Optional.of((InetSocketAddress) packet.getSocketAddress());
          heard.incrementAndGet();
          socket.send(packet);
        } catch (IOException closed) {
          return;
        }
      }
    }

    void say(String text) throws IOException {
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      socket.send(new DatagramPacket(bytes, bytes.length, last.orElseThrow()));
    }

    @Override
    public void close() {
      socket.close();
    }
  }
}
