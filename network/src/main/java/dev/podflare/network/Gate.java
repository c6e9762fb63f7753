package dev.podflare.network;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.linux.OriginalDestination;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets TCP connections through by the name that the client says: TLS by its SNI, HTTP/1 by the Host
 * of every single request. The packet filter redirects here what address and port do not settle
 * ({@link Verdict#BY_NAME}).
 *
 * <p>Under default deny a name has to be under an allow rule for the port, and the destination has
 * to be an address that the slot was told for that name ({@link SlotAccess#pinned}): a right name
 * to a wrong address does not help, nor the other way round. What says no name, or says it so that
 * two programs could read it differently, is reset and recorded. Inside TLS the gate sees nothing,
 * but for the hosts of a guest's secrets ({@link SecretConnection}): whoever is allowed a name of a
 * shared front can ask that front for its other names. Thread-safe.
 */
public final class Gate implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Gate.class);
  private static final int BACKLOG = 1024;

  /** Tells where an accepted connection was meant to go; the kernel does, or a test. */
  @FunctionalInterface
  interface Destinations {
    Optional<InetSocketAddress> of(SocketChannel channel);
  }

  private final List<ServerSocketChannel> listeners;
  private final List<Thread> acceptors;
  private final GateConfig config;
  private final GateRules rules;
  private final HostSockets sockets;
  private final Destinations destinations;
  private final Optional<SecretGate> secrets;
  private final GateConnections connections;
  private final ScheduledExecutorService timer = IdleWatch.timer("gate-timer");

  private Gate(
      List<ServerSocketChannel> listeners,
      GateConfig config,
      GateRules rules,
      HostSockets sockets,
      Destinations destinations,
      Optional<SecretGate> secrets) {
    this.secrets = secrets;
    this.listeners = List.copyOf(listeners);
    this.acceptors =
        listeners.stream()
            .map(it -> Thread.ofVirtual().name("gate").unstarted(() -> run(it)))
            .toList();
    this.config = config;
    this.rules = rules;
    this.sockets = sockets;
    this.destinations = destinations;
    this.connections = new GateConnections(config.connectionsPerSlot(), config.connections());
  }

  /**
   * Listens and relays until {@link #close}.
   *
   * @param namespace runs tasks on a thread in the host's network namespace, to open sockets there;
   *     {@code Runnable::run} for the daemon's own
   * @throws PodflareException {@code host_not_ready} if the address or port cannot be had, or if
   *     this Java does not tell descriptors ({@link OriginalDestination})
   */
  public static Gate start(GateConfig config, SlotAccess slots, Executor namespace) {
    OriginalDestination.requireAvailable();
    return start(config, slots, namespace, OriginalDestination::of, Optional.empty());
  }

  /** The same, and puts secrets into the requests of guests that have some. */
  public static Gate start(
      GateConfig config, SlotAccess slots, Executor namespace, SecretGate secrets) {
    OriginalDestination.requireAvailable();
    return start(config, slots, namespace, OriginalDestination::of, Optional.of(secrets));
  }

  static Gate start(
      GateConfig config,
      SlotAccess slots,
      Executor namespace,
      Destinations destinations,
      Optional<SecretGate> secrets) {
    HostSockets sockets = new HostSockets(namespace);
    List<ServerSocketChannel> listeners = new ArrayList<>();
    try {
      listeners.add(listen(sockets, config.listen()));
      if (config.listen6().isPresent()) {
        listeners.add(listen(sockets, config.listen6().get()));
      }
      GateRules rules = new GateRules(slots, InstantSource.system());
      Gate gate = new Gate(listeners, config, rules, sockets, destinations, secrets);
      gate.acceptors.forEach(Thread::start);
      return gate;
    } catch (RuntimeException e) {
      listeners.forEach(Gate::close);
      throw e;
    }
  }

  private static ServerSocketChannel listen(HostSockets sockets, InetSocketAddress address) {
    try {
      ServerSocketChannel listener = sockets.listener(address.getAddress());
      try {
        listener.setOption(StandardSocketOptions.SO_REUSEADDR, true);
        listener.bind(address, BACKLOG);
        return listener;
      } catch (IOException | RuntimeException e) {
        listener.close();
        throw e;
      }
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.HOST_NOT_READY,
          "the gate cannot listen on " + address + ": " + e.getMessage(),
          e);
    }
  }

  private void run(ServerSocketChannel listener) {
    while (listener.isOpen()) {
      try {
        SocketChannel client = listener.accept();
        Thread.ofVirtual().name("gate-connection").start(() -> serve(client));
      } catch (ClosedChannelException e) {
        return;
      } catch (IOException e) {
        LOG.warn("a connection could not be taken: {}", e.toString());
        Pauses.afterFailedAccept();
      }
    }
  }

  private void serve(SocketChannel client) {
    try (client) {
      Optional<InetSocketAddress> destination = destinations.of(client);
      client.setOption(StandardSocketOptions.SO_LINGER, 0);
      boolean redirected =
          destination.isPresent() && !destination.get().equals(client.getLocalAddress());
      InetAddress opener = client.socket().getInetAddress();
      Optional<Inet4Address> slot = rules.slots().slot(opener);
      // A destination of the other version is one of IPv4 in the form of one of IPv6.
      if (redirected
          && slot.isPresent()
          && opener.getClass().equals(destination.get().getAddress().getClass())) {
        serve(slot.get(), destination.get(), client);
      }
    } catch (IOException e) {
      LOG.debug("a connection could not be served: {}", e.toString());
    } catch (RuntimeException e) {
      LOG.warn("a connection could not be served", e);
    }
  }

  private void serve(Inet4Address slot, InetSocketAddress destination, SocketChannel client)
      throws IOException {
    if (rules.slots().policy(slot).isEmpty()) {
      return;
    }
    GateConnection connection =
        new GateConnection(
            new GateConnection.Ends(slot, destination, client),
            rules,
            config,
            sockets,
            new Relay.Clock(timer),
            secrets);
    if (!connections.add(slot, connection)) {
      rules.refused(slot, Optional.empty(), destination, "too many connections");
      return;
    }
    try {
      client.setOption(StandardSocketOptions.SO_LINGER, -1);
      connection.run();
    } finally {
      connections.remove(slot, connection);
    }
  }

  /** Port that it listens on. */
  public int port() {
    return listeners.getFirst().socket().getLocalPort();
  }

  /** The same with IPv6; 0 if it does not listen there. */
  public int port6() {
    return listeners.size() < 2 ? 0 : listeners.getLast().socket().getLocalPort();
  }

  /** Connections of this slot that are open now. */
  public int open(Inet4Address slot) {
    return connections.of(slot).size();
  }

  /**
   * Cuts what the slot's policy, as it is now, would refuse. To be called after {@link
   * SlotAccess#policy} gives the new one; when it returns, the new policy is in force.
   */
  public void recheck(Inet4Address slot) {
    connections.of(slot).forEach(GateConnection::recheck);
  }

  /** Cuts all of the slot's connections. */
  public void cut(Inet4Address slot) {
    connections.of(slot).forEach(GateConnection::cut);
  }

  private static void close(ServerSocketChannel listener) {
    try {
      listener.close();
    } catch (IOException e) {
      LOG.warn("the gate's listener did not close: {}", e.toString());
    }
  }

  /** Stops listening and cuts all connections. Idempotent. */
  @Override
  public void close() {
    listeners.forEach(Gate::close);
    acceptors.forEach(Pauses::untilEnd);
    connections.close().forEach(GateConnection::cut);
    timer.shutdownNow();
  }
}
