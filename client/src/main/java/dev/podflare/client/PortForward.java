package dev.podflare.client;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;

/**
 * A port of this machine's loopback that leads to a port of a sandbox, for any protocol over TCP:
 * each connection is carried by one of the server's. At most 64 at once, more wait. A connection
 * that cannot be carried is closed, and the listener is told why. Thread-safe; until closed.
 */
public final class PortForward implements AutoCloseable {
  private static final int MOST = 64;

  private final HttpCaller http;
  private final String path;
  private final ServerSocketChannel server;
  private final InetSocketAddress address;
  private final Consumer<ApiException> failures;
  private final Semaphore free = new Semaphore(MOST);
  private final Set<PortTunnel> open = ConcurrentHashMap.newKeySet();

  private PortForward(
      HttpCaller http,
      String path,
      ServerSocketChannel server,
      InetSocketAddress address,
      Consumer<ApiException> failures) {
    this.http = http;
    this.path = path;
    this.server = server;
    this.address = address;
    this.failures = failures;
  }

  /** Throws {@code LOCAL_PORT_TAKEN} if it cannot listen. */
  static PortForward start(
      HttpCaller http, String path, int localPort, Consumer<ApiException> failures) {
    try {
      ServerSocketChannel server = ServerSocketChannel.open();
      server.bind(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), localPort));
      InetSocketAddress address = (InetSocketAddress) server.getLocalAddress();
      PortForward forward = new PortForward(http, path, server, address, failures);
      Thread.ofVirtual().name("forwarded port " + address.getPort()).start(forward::accept);
      return forward;
    } catch (IOException taken) {
      throw ApiException.own(
          ApiException.LOCAL_PORT_TAKEN,
          "cannot listen on 127.0.0.1:" + localPort + ": " + taken.getMessage(),
          taken);
    }
  }

  /** Where to connect on this machine. */
  public InetSocketAddress address() {
    return address;
  }

  private void accept() {
    try {
      while (server.isOpen()) {
        free.acquire();
        SocketChannel local = server.accept();
        Thread.ofVirtual().name("forwarded connection").start(() -> carry(local));
      }
    } catch (IOException | InterruptedException closed) {
      // That is how it ends.
    }
  }

  private void carry(SocketChannel local) {
    PortTunnel tunnel = new PortTunnel(local);
    open.add(tunnel);
    try {
      tunnel.run(http.webSocket(path));
    } catch (ApiException refused) {
      failures.accept(refused);
    } finally {
      open.remove(tunnel);
      tunnel.close();
      free.release();
    }
  }

  /** Listens no more and ends what is carried. */
  @Override
  public void close() {
    try {
      server.close();
    } catch (IOException e) {
      // It listens no more in any case.
    }
    open.forEach(PortTunnel::close);
  }
}
