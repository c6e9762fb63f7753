package dev.podflare.network;

import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Queries in datagrams. One thread receives and answers what can be answered at once; the rest gets
 * a virtual thread each. Thread-safe.
 */
final class UdpQueries implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(UdpQueries.class);
  private static final int LARGEST_QUERY = 4096;
  private static final int RECEIVE_BUFFER = 1 << 20;

  private final DatagramChannel channel;
  private final int port;
  private final QueryWork work;
  private final Thread receiver = Thread.ofVirtual().name("resolver-udp").unstarted(this::run);

  private UdpQueries(DatagramChannel channel, int port, QueryWork work) {
    this.channel = channel;
    this.port = port;
    this.work = work;
  }

  static UdpQueries listen(HostSockets sockets, InetSocketAddress address, QueryWork work)
      throws IOException {
    DatagramChannel channel = sockets.datagrams(address.getAddress());
    try {
      channel.setOption(StandardSocketOptions.SO_RCVBUF, RECEIVE_BUFFER);
      channel.bind(address);
      UdpQueries queries = new UdpQueries(channel, channel.socket().getLocalPort(), work);
      queries.receiver.start();
      return queries;
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  int port() {
    return port;
  }

  private void run() {
    ByteBuffer buffer = ByteBuffer.allocateDirect(LARGEST_QUERY);
    while (channel.isOpen()) {
      try {
        receive(buffer.clear());
      } catch (ClosedChannelException e) {
        return;
      } catch (IOException | RuntimeException e) {
        LOG.warn("a query could not be taken: {}", e.toString());
      }
    }
  }

  private void receive(ByteBuffer buffer) throws IOException {
    SocketAddress sender = channel.receive(buffer);
    if (!(sender instanceof InetSocketAddress asker)) {
      return;
    }
    Optional<Inet4Address> slot = work.slot(asker.getAddress());
    if (slot.isEmpty()) {
      return;
    }
    byte[] wire = new byte[buffer.flip().remaining()];
    buffer.get(wire);
    work.take(
        slot.get(),
        wire,
        false,
        answer -> send(answer, asker),
        later -> Thread.ofVirtual().name("resolver-query").start(later));
  }

  private void send(byte[] answer, InetSocketAddress asker) {
    try {
      channel.send(ByteBuffer.wrap(answer), asker);
    } catch (IOException e) {
      LOG.debug("an answer to {} could not be sent: {}", asker, e.toString());
    }
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      LOG.warn("the resolver's socket did not close: {}", e.toString());
    }
    Pauses.untilEnd(receiver);
  }
}
