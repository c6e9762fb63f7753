package dev.podflare.server.testing;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.websocket.api.Callback;
import org.eclipse.jetty.websocket.api.Session;
import org.eclipse.jetty.websocket.server.ServerUpgradeRequest;
import org.eclipse.jetty.websocket.server.ServerUpgradeResponse;
import org.eclipse.jetty.websocket.server.WebSocketUpgradeHandler;

/**
 * A WebSocket server as a guest might run it, on loopback. It sends back what it gets; the texts
 * {@code close}, {@code drop} and {@code ping} make it do that. Thread-safe.
 */
public final class EchoSocket implements AutoCloseable {
  private static final int LARGEST = 32 << 20;

  private final Server server = new Server();
  private final ServerConnector connector = new ServerConnector(server, 1, 1);

  /** What happened, as {@code closed 1000 bye}. */
  public final BlockingQueue<String> events = new LinkedBlockingQueue<>();

  public EchoSocket() throws Exception {
    connector.setHost("127.0.0.1");
    server.addConnector(connector);
    server.setHandler(
        WebSocketUpgradeHandler.from(
            server,
            container -> {
              container.setMaxBinaryMessageSize(LARGEST);
              container.setMaxTextMessageSize(LARGEST);
              container.addMapping("/*", this::accept);
            }));
    server.start();
  }

  public InetSocketAddress address() {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), connector.getLocalPort());
  }

  /** The next thing that happened. */
  public String event() throws InterruptedException {
    String event = events.poll(10, TimeUnit.SECONDS);
    if (event == null) {
      throw new AssertionError("nothing happened");
    }
    return event;
  }

  private Object accept(
      ServerUpgradeRequest request,
      ServerUpgradeResponse response,
      org.eclipse.jetty.util.Callback callback) {
    events.add("opened " + request.getHttpURI().getPathQuery());
    if (!request.getSubProtocols().isEmpty()) {
      response.setAcceptedSubProtocol(request.getSubProtocols().getLast());
    }
    return new Echo();
  }

  /** One connection; public for Jetty, which calls it by reflection. */
  public final class Echo extends Session.Listener.AbstractAutoDemanding {
    private Echo() {}

    @Override
    public void onWebSocketBinary(ByteBuffer payload, Callback callback) {
      getSession().sendBinary(payload, callback);
    }

    @Override
    public void onWebSocketText(String message) {
      switch (message) {
        case "close" -> getSession().close(4001, "bye", Callback.NOOP);
        case "drop" -> getSession().disconnect();
        case "ping" -> getSession().sendPing(ByteBuffer.wrap(new byte[] {7}), Callback.NOOP);
        default -> getSession().sendText(message, Callback.NOOP);
      }
    }

    @Override
    public void onWebSocketPong(ByteBuffer payload) {
      if (payload.hasRemaining()) {
        events.add("pong " + payload.get());
      }
    }

    @Override
    public void onWebSocketClose(int code, String reason, Callback callback) {
      events.add("closed " + code + " " + reason);
      callback.succeed();
    }
  }

  @Override
  public void close() {
    org.eclipse.jetty.util.component.LifeCycle.stop(server);
  }
}
