package dev.podflare.webhook;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketException;
import javax.net.SocketFactory;

/**
 * Sockets that connect to open addresses only. The check is here, at the connection itself, because
 * here is no name any more: what is checked is what is connected to. Thread-safe.
 */
final class CheckedSockets extends SocketFactory {
  private final WebhookTargets targets;

  CheckedSockets(WebhookTargets targets) {
    this.targets = targets;
  }

  @Override
  public Socket createSocket() {
    return new Socket() {
      @Override
      public void connect(SocketAddress endpoint, int timeout) throws IOException {
        if (!(endpoint instanceof InetSocketAddress to)
            || to.isUnresolved()
            || !targets.open(to.getAddress())) {
          throw new SocketException("leads to a private address");
        }
        super.connect(endpoint, timeout);
      }
    };
  }

  @Override
  public Socket createSocket(String host, int port) {
    throw unused();
  }

  @Override
  public Socket createSocket(String host, int port, InetAddress localHost, int localPort) {
    throw unused();
  }

  @Override
  public Socket createSocket(InetAddress host, int port) {
    throw unused();
  }

  @Override
  public Socket createSocket(InetAddress host, int port, InetAddress localHost, int localPort) {
    throw unused();
  }

  private static UnsupportedOperationException unused() {
    return new UnsupportedOperationException("connected by its user");
  }
}
