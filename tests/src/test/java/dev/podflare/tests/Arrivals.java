package dev.podflare.tests;

import dev.podflare.linux.Nftables;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What reaches some ports of the test's internet: each packet that comes in for them is counted
 * there by the packet filter, before anything can have lost it. Resets are not: the host itself
 * sends one to a server that goes on with a connection which a policy has cut. TCP connections are
 * accepted and answered. Thread-safe.
 */
final class Arrivals implements AutoCloseable {
  private static final String TABLE = "inet arrivals";
  private static final List<String> SERVERS =
      List.of(TestInternet.SERVER, TestInternet.OTHER_SERVER);

  private final TestInternet internet;
  private final List<ServerSocket> listeners = new ArrayList<>();

  /** A port of one of the two servers, by TCP and UDP. */
  record Port(String server, int number) {
    @Override
    public String toString() {
      return server + ":" + number;
    }
  }

  private Arrivals(TestInternet internet) {
    this.internet = internet;
  }

  static Arrivals count(TestInternet internet, List<Port> ports) {
    Arrivals arrivals = new Arrivals(internet);
    arrivals.nft(
        """
        table %s {
          set seen { type ipv4_addr . inet_proto . inet_service; size 1024; flags dynamic; counter; }
          chain in {
            type filter hook prerouting priority raw; policy accept;
            tcp flags & rst == rst return
            ip daddr { %s } meta l4proto { tcp, udp } update @seen { ip daddr . meta l4proto . th dport counter }
          }
        }
        """
            .formatted(TABLE, String.join(", ", SERVERS)));
    ports.forEach(arrivals::listen);
    return arrivals;
  }

  private void listen(Port port) {
    ServerSocket listener =
        internet.outside(() -> {
          ServerSocket socket = new ServerSocket();
          socket.bind(new InetSocketAddress(port.server(), port.number()));
          return socket;
        });
    listeners.add(listener);
    Thread.ofPlatform().daemon().name("server at " + port).start(() -> serve(listener));
  }

  private static void serve(ServerSocket listener) {
    while (!listener.isClosed()) {
      try (Socket peer = listener.accept()) {
        peer.setSoTimeout(1000);
        int ignored = peer.getInputStream().read();
        peer.getOutputStream().write('!');
      } catch (IOException cut) {
        // The next one.
      }
    }
  }

  /** Packets that came in for a port until now. */
  long at(Port port) {
    String seen = nft("list set " + TABLE + " seen");
    Matcher packets =
        Pattern.compile(
                Pattern.quote(port.server())
                    + " \\. (?:tcp|udp) \\. "
                    + port.number()
                    + " counter packets (\\d+)")
            .matcher(seen);
    return packets.results().mapToLong(count -> Long.parseLong(count.group(1))).sum();
  }

  private String nft(String commands) {
    return internet.outside(() -> {
      try (Nftables nftables = Nftables.open()) {
        return nftables.run(commands);
      }
    });
  }

  @Override
  public void close() throws IOException {
    for (ServerSocket listener : listeners) {
      listener.close();
    }
    String ignored = nft("delete table " + TABLE);
  }
}
