package dev.podflare.volume;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves volumes to guests: NFS 3 and MOUNT 3 over TCP on one port, without a port mapper. Who asks
 * is known by the address that the packet came from, which a guest cannot choose, and has only what
 * {@link VolumeClients} says. A virtual thread for each connection. Thread-safe.
 */
public final class VolumeServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(VolumeServer.class);
  private static final int BACKLOG = 128;
  private static final Duration LOOK = Duration.ofSeconds(5);
  private static final Duration AFTER_FAILURE = Duration.ofMillis(50);

  private final ServerSocketChannel listener;
  private final VolumeConfig config;
  private final VolumeClients clients;
  private final RpcCalls calls;
  private final Set<RpcConnection> connections = new HashSet<>();
  private final Thread acceptor = Thread.ofVirtual().name("volumes").unstarted(this::accept);
  private final Thread watch = Thread.ofVirtual().name("volumes-watch").unstarted(this::watch);

  private VolumeServer(
      ServerSocketChannel listener, VolumeConfig config, Volumes volumes, VolumeClients clients) {
    this.listener = listener;
    this.config = config;
    this.clients = clients;
    this.calls = new RpcCalls(clients, new NfsProgram(volumes, config), new MountProgram(volumes));
  }

  /**
   * Listens until {@link #close}, on {@link VolumeConfig#PORT} if that is free.
   *
   * @param sockets opens sockets where guests reach them
   * @throws PodflareException {@code host_not_ready} if the address cannot be had
   */
  public static VolumeServer start(
      VolumeConfig config,
      InetAddress address,
      Supplier<ServerSocketChannel> sockets,
      Volumes volumes,
      VolumeClients clients) {
    IOException last = new IOException("no port");
    for (int port : List.of(VolumeConfig.PORT, 0)) {
      try {
        ServerSocketChannel listener = listen(sockets, new InetSocketAddress(address, port));
        VolumeServer server = new VolumeServer(listener, config, volumes, clients);
        clients.onRemoval(server::cut);
        server.acceptor.start();
        server.watch.start();
        return server;
      } catch (IOException e) {
        last = e;
      }
    }
    throw new PodflareException(
        ErrorCode.HOST_NOT_READY,
        "volumes cannot be served on " + address.getHostAddress() + ": " + last.getMessage(),
        last);
  }

  private static ServerSocketChannel listen(
      Supplier<ServerSocketChannel> sockets, InetSocketAddress place) throws IOException {
    ServerSocketChannel listener = sockets.get();
    try {
      listener.setOption(StandardSocketOptions.SO_REUSEADDR, true);
      return listener.bind(place, BACKLOG);
    } catch (IOException | RuntimeException e) {
      listener.close();
      throw e;
    }
  }

  /** Port that it listens on. */
  public int port() {
    return listener.socket().getLocalPort();
  }

  private void accept() {
    while (listener.isOpen()) {
      try {
        SocketChannel channel = listener.accept();
        Thread.ofVirtual().name("volume-connection").start(() -> serve(channel));
      } catch (ClosedChannelException e) {
        return;
      } catch (IOException e) {
        LOG.warn("a connection could not be taken: {}", e.toString());
        pause(AFTER_FAILURE);
      }
    }
  }

  private void serve(SocketChannel channel) {
    try (channel) {
      InetAddress from = channel.socket().getInetAddress();
      RpcConnection connection = new RpcConnection(channel, from, calls, config.largestCall());
      if (clients.find(from).isEmpty() || !add(connection)) {
        return;
      }
      try {
        channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        connection.run();
      } finally {
        remove(connection);
      }
    } catch (IOException e) {
      LOG.debug("a connection ended: {}", e.toString());
    } catch (RuntimeException e) {
      LOG.warn("a connection failed", e);
    }
  }

  private synchronized boolean add(RpcConnection connection) {
    long same = connections.stream().filter(it -> it.from().equals(connection.from())).count();
    return same < config.connectionsPerGuest()
        && connections.size() < config.connections()
        && connections.add(connection);
  }

  private synchronized void remove(RpcConnection connection) {
    boolean ignored = connections.remove(connection);
  }

  private synchronized List<RpcConnection> all() {
    return List.copyOf(connections);
  }

  private void cut(InetAddress address) {
    all().stream().filter(it -> it.from().equals(address)).forEach(RpcConnection::cut);
  }

  private void watch() {
    while (listener.isOpen()) {
      pause(LOOK);
      all().forEach(it -> it.look(config.stuck(), config.idle()));
    }
  }

  private static void pause(Duration time) {
    try {
      Thread.sleep(time);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Stops listening and cuts all connections. Idempotent. */
  @Override
  public void close() {
    try {
      listener.close();
    } catch (IOException e) {
      LOG.warn("the listener did not close: {}", e.toString());
    }
    watch.interrupt();
    all().forEach(RpcConnection::cut);
  }
}
