package dev.podflare.tests;

import dev.podflare.linux.NamespaceThread;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A port of this loopback that leads to a listener in a network namespace. While nobody listens
 * there, connections are closed at once. Thread-safe.
 */
final class NamespaceDoor implements AutoCloseable {
  private static final int PATIENCE_MILLIS = 10_000;

  private final NamespaceThread namespace;
  private final ServerSocket listener;
  private final InetSocketAddress there;

  private NamespaceDoor(NamespaceThread namespace, ServerSocket listener, InetSocketAddress there) {
    this.namespace = namespace;
    this.listener = listener;
    this.there = there;
  }

  static NamespaceDoor open(Path namespace, URI there) throws IOException {
    NamespaceDoor door =
        new NamespaceDoor(
            NamespaceThread.open("door", Optional.of(namespace)),
            new ServerSocket(0, 50, InetAddress.getLoopbackAddress()),
            new InetSocketAddress(there.getHost(), there.getPort()));
    Thread.ofPlatform().daemon().name("door keeper").start(door::accept);
    return door;
  }

  URI uri() {
    return URI.create("http://127.0.0.1:" + listener.getLocalPort());
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket near = listener.accept();
        Thread.ofVirtual().start(() -> join(near));
      } catch (IOException closed) {
        return;
      }
    }
  }

  private void join(Socket near) {
    try (near;
        Socket far = namespace.call(this::connect)) {
      Thread back = Thread.ofVirtual().start(() -> pass(far, near));
      pass(near, far);
      back.join();
    } catch (IOException | RuntimeException nobody) {
      // The caller sees its connection close.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Socket connect() throws IOException {
    Socket far = new Socket();
    far.connect(there, PATIENCE_MILLIS);
    return far;
  }

  private static void pass(Socket from, Socket to) {
    try {
      from.getInputStream().transferTo(to.getOutputStream());
      to.shutdownOutput();
    } catch (IOException cut) {
      close(from);
      close(to);
    }
  }

  private static void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // It is closed.
    }
  }

  @Override
  public void close() throws IOException {
    listener.close();
    namespace.close();
  }
}
