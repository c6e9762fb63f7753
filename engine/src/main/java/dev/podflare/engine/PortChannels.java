package dev.podflare.engine;

import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The open connections of the host to one guest's ports. Thread-safe. */
final class PortChannels implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(PortChannels.class);

  private final List<SocketChannel> open = new ArrayList<>(); // guarded by this
  private boolean closed; // guarded by this

  /** False if the guest has ended; then the channel is still the caller's. */
  synchronized boolean add(SocketChannel channel) {
    if (closed) {
      return false;
    }
    open.removeIf(one -> !one.isOpen());
    return open.add(channel);
  }

  /** Whether somebody holds a connection now. */
  synchronized boolean inUse() {
    open.removeIf(one -> !one.isOpen());
    return !open.isEmpty();
  }

  /** Closes all; whoever reads or writes one is told so. Can be repeated. */
  @Override
  public synchronized void close() {
    closed = true;
    for (SocketChannel channel : open) {
      try {
        channel.close();
      } catch (IOException e) {
        LOG.debug("a connection to a guest did not close cleanly", e);
      }
    }
    open.clear();
  }
}
