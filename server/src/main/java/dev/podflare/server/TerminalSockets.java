package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.Caller;
import dev.podflare.engine.Engine;
import dev.podflare.engine.Terminal;
import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicReference;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.websocket.server.ServerWebSocketContainer;
import org.jspecify.annotations.Nullable;

/**
 * Makes WebSockets of requests for terminals. They have a budget of their own, as guests' ports
 * have. Thread-safe.
 */
final class TerminalSockets implements AutoCloseable {
  /** Each terminal may have some viewers. */
  private static final int MOST_OF_SANDBOX = 256;

  private final Engine engine;
  private final PortConnections connections;
  private final Duration ping;

  TerminalSockets(Engine engine, PortsConfig config) {
    this.engine = engine;
    this.ping = config.ping();
    this.connections =
        new PortConnections(
            new PortsConfig(
                config.domain(),
                config.connections(),
                MOST_OF_SANDBOX,
                config.idle(),
                config.ping()));
  }

  /** Refuses with a coded failure, or completes the callback. */
  void serve(
      ServerWebSocketContainer container,
      Request request,
      Response response,
      Callback callback,
      PortTarget target,
      Caller caller) {
    Terminal terminal = engine.terminal(caller, target.sandboxId(), target.port());
    if (!Upgrades.wanted(request)) {
      throw new PodflareException(
          ErrorCode.BAD_REQUEST, "this address is a WebSocket; …/attach is the same as NDJSON");
    }
    AtomicReference<PortConnections.@Nullable Place> place = new AtomicReference<>();
    TerminalSocket socket = new TerminalSocket(terminal, ping, () -> PortProxy.release(place));
    boolean upgraded = false;
    try {
      place.set(connections.take(target.sandboxId(), socket, OptionalLong.empty()));
      upgraded =
          container.upgrade(
              (_, answer, _) -> {
                // Node's own client loses what it has not inflated yet when the connection ends.
                answer.setExtensions(List.of());
                if (BearerProtocol.offered(request)) {
                  answer.setAcceptedSubProtocol(BearerProtocol.NAME);
                }
                return socket;
              },
              request,
              response,
              callback);
    } finally {
      if (!upgraded) {
        socket.end();
      }
    }
    if (!upgraded) {
      throw new PodflareException(ErrorCode.BAD_REQUEST, "this is no WebSocket of version 13");
    }
  }

  /** As {@link PortProxy#drain}. */
  boolean drain(Duration patience) throws InterruptedException {
    return connections.drain(patience);
  }

  @Override
  public void close() {
    connections.close();
  }
}
