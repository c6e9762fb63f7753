package dev.podflare.network;

import dev.podflare.common.PodflareException;
import dev.podflare.linux.TapDevice;
import dev.podflare.network.Internet.UdpEcho;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;

/**
 * A guest without a machine: a namespace with a whole network stack of its own. Its link is a tap,
 * and a small program without rights carries the frames between it and the slot's tap, which is the
 * real one.
 */
final class Guest implements AutoCloseable {
  static final int UID = 64_321;
  private static final String LINK = "eth0";
  private static final int TIMEOUT_MILLIS = 1500;

  final Namespace namespace;
  private final Process relay;
  private final List<Socket> sockets = new ArrayList<>();
  private boolean closed;

  private Guest(Namespace namespace, Process relay) {
    this.namespace = namespace;
    this.relay = relay;
  }

  static Guest start(Slot slot) {
    Namespace namespace = Namespace.create("guest");
    namespace.links(links -> TapDevice.create(LINK));
    namespace.ipv6(LINK);
    namespace.links(links -> {
      int link = links.index(LINK);
      links.bringUp(link, Optional.of(Slot.GUEST_MAC), OptionalInt.empty());
      links.addAddress(link, Internet.address(Slot.GUEST_ADDRESS), Slot.GUEST_PREFIX);
      links.addRoute(
          Cidr.ANY_V4.network(),
          0,
          link,
          Optional.of(Internet.address(Slot.GATEWAY_ADDRESS)),
          Optional.empty());
      links.addAddress(link, Internet.address(Slot.GUEST_ADDRESS6), Slot.GUEST_PREFIX6);
      links.addNeighbour(link, Internet.address(Slot.GATEWAY_ADDRESS6), Slot.GATEWAY_MAC);
      links.addRoute(
          Cidr.ANY_V6.network(),
          0,
          link,
          Optional.of(Internet.address(Slot.GATEWAY_ADDRESS6)),
          Optional.empty());
    });
    slot.giveTo(UID);
    Process relay =
        python(
            "relay.py",
            slot.namespace().toString(),
            slot.tap(),
            "" + UID,
            namespace.path().toString(),
            LINK);
    try {
      BufferedReader output = relay.inputReader();
      String line = output.readLine();
      if (!"attached".equals(line)) {
        throw new IOException("the relay said " + line + " " + output.readLine());
      }
    } catch (IOException e) {
      relay.destroyForcibly();
      namespace.close();
      throw new UncheckedIOException(e);
    }
    return new Guest(namespace, relay);
  }

  private static Process python(String script, String... arguments) {
    try (var source = Guest.class.getResourceAsStream(script)) {
      Path file = Files.createTempFile("podflare-test", script);
      Files.write(file, source.readAllBytes());
      file.toFile().deleteOnExit();
      List<String> line = new ArrayList<>(List.of("python3", file.toString()));
      line.addAll(List.of(arguments));
      return new ProcessBuilder(line).redirectErrorStream(true).start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Runs {@code frames.py} in a namespace and answers what it prints. */
  static String frames(Namespace where, String... words) {
    try {
      return framesStarted(where, words).inputReader().readAllAsString().strip();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Process framesStarted(Namespace where, String... words) {
    List<String> arguments = new ArrayList<>(List.of(where.path().toString()));
    arguments.addAll(List.of(words));
    return python("frames.py", arguments.toArray(String[]::new));
  }

  /** Runs commands of the packet filter in a namespace. */
  static String nft(Path where, String commands) {
    try (Namespace namespace = Namespace.at(where)) {
      return namespace.nft(commands);
    }
  }

  /** A connection; refused or silent ones throw. */
  Socket connect(String address, int port) {
    Socket socket = connectFrom(namespace, address, port);
    sockets.add(socket);
    return socket;
  }

  private static Socket connectFrom(Namespace where, String address, int port) {
    return where.call(() -> {
      Socket socket = new Socket();
      try {
        socket.connect(new InetSocketAddress(Internet.address(address), port), TIMEOUT_MILLIS);
      } catch (IOException e) {
        socket.close();
        throw e;
      }
      socket.setSoTimeout(TIMEOUT_MILLIS);
      return socket;
    });
  }

  /** Says a word through an open connection and waits for the echo. */
  static String say(Socket socket, String word) throws IOException {
    byte[] bytes = word.getBytes(StandardCharsets.UTF_8);
    socket.getOutputStream().write(bytes);
    return new String(socket.getInputStream().readNBytes(bytes.length), StandardCharsets.UTF_8);
  }

  /** Whether an open connection is reset as soon as it says something. */
  static boolean isCut(Socket socket) {
    try {
      return say(socket, "?").isEmpty() || !say(socket, "?").equals("?");
    } catch (SocketTimeoutException e) {
      return false;
    } catch (IOException e) {
      return true;
    }
  }

  /** How a connection went, in a word: open, refused, silent, or the exception's message. */
  String tcp(String address, int port) {
    return tcpFrom(namespace, address, port);
  }

  static String tcpFrom(Namespace where, String address, int port) {
    try (Socket socket = connectFrom(where, address, port)) {
      return say(socket, "hello").equals("hello") ? "open" : "refused";
    } catch (PodflareException | IOException e) {
      return outcome(e);
    }
  }

  /** The same for a spelling of an address that the guest's own C library reads. */
  String dial(String spelling, int port) {
    return frames(namespace, "dial", spelling, "" + port);
  }

  /** How an echo request went, in the same words. */
  String ping(String address) {
    return frames(namespace, "ping", address);
  }

  /** How a datagram went, in the same words. */
  String udp(String address, int port) {
    try (DatagramSocket socket = datagrams(0)) {
      socket.connect(new InetSocketAddress(Internet.address(address), port));
      byte[] bytes = "hello".getBytes(StandardCharsets.UTF_8);
      socket.send(new DatagramPacket(bytes, bytes.length));
      socket.receive(new DatagramPacket(new byte[2048], 2048));
      return "open";
    } catch (IOException e) {
      return outcome(e);
    }
  }

  /**
   * Says something from a port, so that the server knows whom to answer, and waits for the echo.
   */
  void speak(int from, String address, int port) throws IOException {
    try (DatagramSocket socket = datagrams(from)) {
      socket.send(
          new DatagramPacket(
              new byte[1], 1, new InetSocketAddress(Internet.address(address), port)));
      socket.receive(new DatagramPacket(new byte[9], 9));
    }
  }

  /** Whether what the server says to whom it has heard last arrives at this guest's port. */
  boolean hears(int port, UdpEcho server) throws IOException {
    try (DatagramSocket socket = datagrams(port)) {
      server.say("secret of the earlier user");
      socket.receive(new DatagramPacket(new byte[99], 99));
      return true;
    } catch (SocketTimeoutException silent) {
      return false;
    }
  }

  DatagramSocket datagrams(int port) {
    return namespace.call(() -> {
      DatagramSocket socket = new DatagramSocket(port);
      socket.setSoTimeout(TIMEOUT_MILLIS);
      return socket;
    });
  }

  ServerSocket listen(int port) {
    return namespace.call(() -> new ServerSocket(port));
  }

  private static String outcome(Exception e) {
    String text = e.toString() + (e.getCause() == null ? "" : e.getCause().toString());
    if (text.contains("refused")
        || text.contains("reset")
        || text.contains("prohibited")
        || text.contains("Permission denied") // what ICMPv6 makes of prohibited
        || text.contains("Unreachable")
        || text.contains("unreachable")
        || text.contains("No route to host")
        || text.contains("end of stream")) {
      return "refused";
    }
    return e instanceof SocketTimeoutException || text.contains("timed out") ? "silent" : text;
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    try {
      for (Socket socket : sockets) {
        socket.close();
      }
      relay.getOutputStream().close();
      if (!relay.onExit().completeOnTimeout(relay, 5, TimeUnit.SECONDS).join().isAlive()) {
        return;
      }
      relay.destroyForcibly();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      namespace.close();
    }
  }
}
