package dev.podflare.cli;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/** Sends every datagram back. In the namespace of the thread that opens it. Thread-safe. */
final class UdpEcho implements AutoCloseable {
  private final DatagramSocket socket;

  private UdpEcho(DatagramSocket socket) {
    this.socket = socket;
  }

  static UdpEcho open(InetAddress address) throws IOException {
    return new UdpEcho(new DatagramSocket(new InetSocketAddress(address, 0)));
  }

  void start() {
    Thread.ofPlatform().daemon().name("bench echo").start(this::run);
  }

  int port() {
    return socket.getLocalPort();
  }

  private void run() {
    DatagramPacket packet = new DatagramPacket(new byte[2048], 2048);
    while (!socket.isClosed()) {
      try {
        packet.setLength(2048);
        socket.receive(packet);
        socket.send(packet);
      } catch (IOException closed) {
        // The loop ends when it is closed.
      }
    }
  }

  @Override
  public void close() {
    socket.close();
  }
}
