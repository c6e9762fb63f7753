package dev.podflare.server;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.SocketChannel;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A connection to a guest that knows when it last moved. One thread reads and one writes; anybody
 * may look or close.
 */
final class GuestChannel implements ByteChannel {
  private static final Logger LOG = LoggerFactory.getLogger(GuestChannel.class);

  private final SocketChannel socket;
  private volatile long movedNanos = System.nanoTime();

  GuestChannel(SocketChannel socket) {
    this.socket = socket;
  }

  @Override
  public int read(ByteBuffer into) throws IOException {
    int read = socket.read(into);
    moved();
    return read;
  }

  /** Writes all of it. */
  @Override
  public int write(ByteBuffer bytes) throws IOException {
    int all = bytes.remaining();
    while (bytes.hasRemaining()) {
      int ignored = socket.write(bytes);
      moved();
    }
    return all;
  }

  /** Also called when the other end of what goes through here has moved. */
  void moved() {
    movedNanos = System.nanoTime();
  }

  long movedNanos() {
    return movedNanos;
  }

  /** No more will be written. */
  void endOutput() {
    try {
      socket.shutdownOutput();
    } catch (IOException gone) {
      LOG.debug("a guest's connection was gone", gone);
    }
  }

  @Override
  public boolean isOpen() {
    return socket.isOpen();
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      LOG.debug("a guest's connection did not close cleanly", e);
    }
  }
}
