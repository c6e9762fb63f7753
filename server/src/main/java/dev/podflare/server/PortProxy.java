package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.Caller;
import dev.podflare.engine.Engine;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicReference;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpHeaderValue;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.websocket.server.ServerWebSocketContainer;
import org.jspecify.annotations.Nullable;

/**
 * Joins a caller with a guest's port: as HTTP, as a WebSocket, or as a bare connection. Every
 * request takes a place of {@link PortConnections} and a connection to the guest, and gives both
 * back. Thread-safe; {@link #serve} runs on the request's own thread.
 */
final class PortProxy implements AutoCloseable {
  private final Engine engine;
  private final PortAccess access;
  private final PortsConfig config;
  private final PortConnections connections;
  private final TerminalSockets terminals;
  private final boolean https;
  private volatile @Nullable ServerWebSocketContainer webSockets;

  /**
   * @param https whether browsers come through a TLS proxy that is in front
   */
  PortProxy(Engine engine, PortAccess access, PortsConfig config, boolean https) {
    this.engine = engine;
    this.access = access;
    this.config = config;
    this.connections = new PortConnections(config);
    this.terminals = new TerminalSockets(engine, config);
    this.https = https;
  }

  /** Before the first request. */
  void use(ServerWebSocketContainer container) {
    webSockets = container;
  }

  /** Refuses with a coded failure, or completes the callback. */
  void serve(Request request, Response response, Callback callback, PortTarget target)
      throws IOException, InterruptedException {
    PortAccess.Admitted admitted = access.admit(request, target);
    if (target.kind() == PortTarget.Kind.TERMINAL) {
      terminals.serve(container(), request, response, callback, target, admitted.caller());
      return;
    }
    if (target.portNumber() < 1 || target.portNumber() > 65535) {
      throw Fields.invalid("port", "a port from 1 to 65535");
    }
    if (admitted.visit().isPresent()) {
      engine.touch(admitted.caller(), target.sandboxId()); // says if it is gone
      keep(request, response, target, admitted.visit().get());
      callback.succeeded();
    } else if (target.kind() == PortTarget.Kind.TUNNEL) {
      tunnel(request, response, callback, target, admitted.caller());
    } else if (target.path().isEmpty()) {
      String port = target.prefix().substring(target.prefix().lastIndexOf('/') + 1);
      redirect(response, 308, port + "/" + PortQuery.without(request.getHttpURI().getQuery()));
      callback.succeeded();
    } else {
      exchange(request, response, callback, target, admitted);
    }
  }

  /** The same address without the token, said so that no prefix of other proxies matters. */
  private void keep(Request request, Response response, PortTarget target, PortAccess.Visit visit) {
    String rest = PortQuery.without(request.getHttpURI().getQuery());
    String path = target.path().isEmpty() ? target.prefix() + "/" : target.path();
    String last = path.substring(path.lastIndexOf('/') + 1);
    String there = target.path().isEmpty() ? target.portNumber() + "/" : last;
    response
        .getHeaders()
        .add(
            HttpHeader.SET_COOKIE,
            PortCookies.keep(visit.token(), target, visit.left(), secure(request)));
    response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
    response.getHeaders().put("Referrer-Policy", "strict-origin");
    redirect(response, 302, "./" + there + rest);
  }

  private boolean secure(Request request) {
    return https || request.isSecure();
  }

  private static void redirect(Response response, int status, String location) {
    response.setStatus(status);
    response.getHeaders().put(HttpHeader.LOCATION, location);
    response.getHeaders().put(HttpHeader.CONTENT_LENGTH, 0);
  }

  private void exchange(
      Request request,
      Response response,
      Callback callback,
      PortTarget target,
      PortAccess.Admitted admitted)
      throws IOException, InterruptedException {
    Caller caller = admitted.caller();
    OptionalLong endNanos = endNanos(admitted);
    PortExchange exchange = new PortExchange(request, response, target, config.idle());
    GuestChannel guest = null;
    Optional<PortExchange.Switch> agreed = Optional.empty();
    try (PortConnections.Place _ = connections.take(target.sandboxId(), exchange, endNanos)) {
      guest = connect(caller, target);
      agreed = exchange.run(access, guest);
    } catch (IOException broken) {
      if (response.isCommitted()) {
        throw broken;
      }
      engine.touch(caller, target.sandboxId()); // says if it is gone
      throw new PodflareException(
          ErrorCode.BAD_GUEST_ANSWER, "the guest's connection broke before it answered", broken);
    } finally {
      if (guest != null && agreed.isEmpty()) {
        guest.close();
      }
    }
    if (agreed.isPresent()) {
      join(request, response, target, guest, agreed.get(), endNanos);
    }
    callback.succeeded();
  }

  private static OptionalLong endNanos(PortAccess.Admitted admitted) {
    return admitted.left().isPresent()
        ? OptionalLong.of(System.nanoTime() + admitted.left().get().toNanos())
        : OptionalLong.empty();
  }

  private GuestChannel connect(Caller caller, PortTarget target) {
    SocketChannel socket = engine.connectPort(caller, target.sandboxId(), target.portNumber());
    return new GuestChannel(socket);
  }

  /** The answer's head goes out with the request's end, and then the connection is the relay's. */
  private void join(
      Request request,
      Response response,
      PortTarget target,
      GuestChannel guest,
      PortExchange.Switch agreed,
      OptionalLong endNanos) {
    EndPoint client = request.getConnectionMetaData().getConnection().getEndPoint();
    AtomicReference<PortConnections.@Nullable Place> place = new AtomicReference<>();
    WebSocketRelay relay =
        new WebSocketRelay(
            client,
            request.getComponents().getExecutor(),
            guest,
            agreed.rest(),
            config.ping(),
            () -> release(place));
    try {
      place.set(connections.take(target.sandboxId(), relay, endNanos));
    } catch (PodflareException full) {
      guest.close();
      throw full;
    }
    response.setStatus(HttpStatus.SWITCHING_PROTOCOLS_101);
    HttpFields.Mutable headers = response.getHeaders();
    GuestAnswerHead.copy(agreed.head().headers(), headers, target);
    headers.put(HttpHeader.CONNECTION, HttpHeaderValue.UPGRADE.asString());
    headers.put(HttpHeader.UPGRADE, "websocket");
    request.setAttribute(HttpStream.UPGRADE_CONNECTION_ATTRIBUTE, relay);
  }

  static void release(AtomicReference<PortConnections.@Nullable Place> place) {
    PortConnections.Place taken = place.get();
    if (taken != null) {
      taken.close();
    }
  }

  private ServerWebSocketContainer container() {
    ServerWebSocketContainer container = webSockets;
    if (container == null) {
      throw new PodflareException(ErrorCode.HOST_NOT_READY, "this node is still starting");
    }
    return container;
  }

  private void tunnel(
      Request request, Response response, Callback callback, PortTarget target, Caller caller) {
    ServerWebSocketContainer container = container();
    if (!Upgrades.wanted(request)) {
      throw new PodflareException(
          ErrorCode.BAD_REQUEST, "a tunnel is a WebSocket; ask for one, or use podflare port");
    }
    AtomicReference<PortConnections.@Nullable Place> place = new AtomicReference<>();
    GuestChannel guest = connect(caller, target);
    PortTunnel tunnel = new PortTunnel(guest, config.ping(), () -> release(place));
    boolean upgraded = false;
    try {
      place.set(connections.take(target.sandboxId(), tunnel, OptionalLong.empty()));
      upgraded = container.upgrade((_, _, _) -> tunnel, request, response, callback);
    } finally {
      if (!upgraded) {
        tunnel.end();
      }
    }
    if (!upgraded) {
      throw new PodflareException(ErrorCode.BAD_REQUEST, "this is no WebSocket of version 13");
    }
  }

  /** Takes in no more and lets requests come to their end; true if all did. */
  boolean drain(Duration patience) throws InterruptedException {
    long end = System.nanoTime() + patience.toNanos();
    boolean all = terminals.drain(patience);
    return connections.drain(Duration.ofNanos(Math.max(0, end - System.nanoTime()))) && all;
  }

  @Override
  public void close() {
    terminals.close();
    connections.close();
  }
}
