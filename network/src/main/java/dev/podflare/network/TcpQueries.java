package dev.podflare.network;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Inet4Address;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.Channel;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Queries in TCP streams, one after the other on each connection. Thread-safe. */
final class TcpQueries implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(TcpQueries.class);
  private static final int BACKLOG = 128;
  private static final int LARGEST_QUERY = 4096;

  private final ServerSocketChannel listener;
  private final QueryWork work;
  private final Thread acceptor = Thread.ofVirtual().name("resolver-tcp").unstarted(this::run);
  private final Duration idle;
  private final ScheduledExecutorService timer = IdleWatch.timer("resolver-timer");
  private final Set<SocketChannel> open = ConcurrentHashMap.newKeySet();

  private TcpQueries(ServerSocketChannel listener, QueryWork work, Duration idle) {
    this.listener = listener;
    this.work = work;
    this.idle = idle;
  }

  static TcpQueries listen(
      HostSockets sockets, InetSocketAddress address, QueryWork work, Duration idle)
      throws IOException {
    ServerSocketChannel listener = sockets.listener(address.getAddress());
    try {
      listener.setOption(StandardSocketOptions.SO_REUSEADDR, true);
      listener.bind(address, BACKLOG);
      TcpQueries queries = new TcpQueries(listener, work, idle);
      queries.acceptor.start();
      return queries;
    } catch (IOException | RuntimeException e) {
      listener.close();
      throw e;
    }
  }

  private void run() {
    while (listener.isOpen()) {
      try {
        SocketChannel channel = listener.accept();
        Thread.ofVirtual().name("resolver-connection").start(() -> serve(channel));
      } catch (ClosedChannelException e) {
        return;
      } catch (IOException e) {
        LOG.warn("a connection could not be taken: {}", e.toString());
        Pauses.afterFailedAccept();
      }
    }
  }

  private void serve(SocketChannel channel) {
    open.add(channel);
    try (channel) {
      Optional<Inet4Address> slot = work.slot(channel.socket().getInetAddress());
      if (slot.isPresent() && listener.isOpen()) {
        work.whileConnected(slot.get(), () -> converse(channel, slot.get()));
      }
    } catch (IOException e) {
      LOG.debug("a query's connection broke: {}", e.toString());
    } finally {
      open.remove(channel);
    }
  }

  /** Ends when the asker has been silent, or has not taken an answer, for too long. */
  private void converse(SocketChannel channel, Inet4Address slot) {
    try (IdleWatch watch = IdleWatch.start(timer, idle, () -> close(channel))) {
      OutputStream out = channel.socket().getOutputStream();
      DataInputStream in = new DataInputStream(channel.socket().getInputStream());
      boolean answered = true;
      while (answered) {
        Optional<byte[]> query = read(in);
        if (query.isEmpty()) {
          return;
        }
        answered = answer(slot, query.get(), out);
        watch.extend(idle);
      }
    } catch (IOException e) {
      LOG.debug("a query's connection ended: {}", e.toString());
    }
  }

  private static Optional<byte[]> read(DataInputStream in) throws IOException {
    int length = in.readUnsignedShort();
    if (length > LARGEST_QUERY) {
      return Optional.empty();
    }
    byte[] wire = new byte[length];
    in.readFully(wire);
    return Optional.of(wire);
  }

  private boolean answer(Inet4Address slot, byte[] wire, OutputStream out) {
    AtomicBoolean answered = new AtomicBoolean();
    work.take(slot, wire, true, bytes -> answered.set(send(out, bytes)), Runnable::run);
    return answered.get();
  }

  private static boolean send(OutputStream out, byte[] answer) {
    byte[] framed = new byte[answer.length + 2];
    framed[0] = (byte) (answer.length >> 8);
    framed[1] = (byte) answer.length;
    System.arraycopy(answer, 0, framed, 2, answer.length);
    try {
      out.write(framed);
      return true;
    } catch (IOException e) {
      LOG.debug("an answer could not be sent: {}", e.toString());
      return false;
    }
  }

  @Override
  public void close() {
    close(listener);
    Pauses.untilEnd(acceptor);
    open.forEach(TcpQueries::close);
    timer.shutdownNow();
  }

  private static void close(Channel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      LOG.debug("a connection did not close: {}", e.toString());
    }
  }
}
