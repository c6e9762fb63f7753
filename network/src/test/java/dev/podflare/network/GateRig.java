package dev.podflare.network;

import dev.podflare.common.DataSize;
import java.io.IOException;
import java.io.InputStream;
import java.net.Inet4Address;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.awaitility.Awaitility;

/**
 * A gate on loopback. All connections are meant for one server of the test; the range of loopback
 * addresses is opened, as an operator could.
 */
final class GateRig implements AutoCloseable {
  static final Inet4Address SLOT = MemorySlots.v4("127.0.8.1");
  static final Inet4Address OTHER = MemorySlots.v4("127.0.8.2");
  static final Inet4Address SERVER = MemorySlots.v4("127.0.8.80");
  static final Inet4Address GATE = MemorySlots.v4("127.0.8.53");
  static final Duration HELLO = Duration.ofMillis(600);

  final AtomicLong nanos = new AtomicLong(1);
  final MemorySlots slots = new MemorySlots(List.of("127.0.0.0/8"), nanos::get);
  final Gate gate;
  volatile InetSocketAddress destination;

  GateRig(InetSocketAddress destination, Duration idle, int connectionsPerSlot) {
    this(destination, idle, connectionsPerSlot, Optional.empty());
  }

  GateRig(
      InetSocketAddress destination,
      Duration idle,
      int connectionsPerSlot,
      Optional<SecretGate> secrets) {
    this.destination = destination;
    GateConfig config =
        new GateConfig(
            new InetSocketAddress(GATE, 0),
            Optional.empty(),
            HELLO,
            Duration.ofSeconds(2),
            idle,
            new DataSize(64 << 10),
            connectionsPerSlot,
            connectionsPerSlot + 2);
    gate =
        Gate.start(config, slots, Runnable::run, channel -> Optional.of(this.destination), secrets);
  }

  static GateRig open(ServerSocket server) {
    return new GateRig(
        (InetSocketAddress) server.getLocalSocketAddress(), Duration.ofSeconds(20), 16);
  }

  static ServerSocket listen() throws IOException {
    return new ServerSocket(0, 50, SERVER);
  }

  /** Default deny but for these, each pinned to the server. */
  void allowOnly(String... names) {
    slots.set(SLOT, EgressPolicy.parse(EgressPolicy.Default.DENY, List.of(names), List.of(), true));
    for (String name : names) {
      slots.pin(SLOT, name, List.of(SERVER), Duration.ofSeconds(60));
    }
  }

  /** Default allow but for these. */
  void allowAllBut(String... names) {
    slots.set(
        SLOT, EgressPolicy.parse(EgressPolicy.Default.ALLOW, List.of(), List.of(names), true));
  }

  Socket connect(Inet4Address from) throws IOException {
    Socket socket = new Socket();
    socket.bind(new InetSocketAddress(from, 0));
    socket.setSoTimeout(8000);
    socket.connect(new InetSocketAddress(GATE, gate.port()), 2000);
    return socket;
  }

  Socket connect() throws IOException {
    return connect(SLOT);
  }

  static void send(Socket socket, String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
  }

  /** What comes until the end; a reset is the end too, and marked. */
  static String rest(Socket socket) {
    StringBuilder text = new StringBuilder();
    try {
      InputStream in = socket.getInputStream();
      byte[] bytes = new byte[4096];
      for (int count = in.read(bytes); count >= 0; count = in.read(bytes)) {
        text.append(new String(bytes, 0, count, StandardCharsets.ISO_8859_1));
      }
      return text.toString();
    } catch (IOException e) {
      return text + "<" + e.getMessage() + ">";
    }
  }

  static String read(Socket socket, int count) throws IOException {
    return new String(socket.getInputStream().readNBytes(count), StandardCharsets.ISO_8859_1);
  }

  void awaitNoConnections() {
    Awaitility.await().atMost(Duration.ofSeconds(5)).until(() -> gate.open(SLOT) == 0);
  }

  @Override
  public void close() {
    gate.close();
  }
}
