package dev.podflare.client;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;

/**
 * One connection of this machine, carried by a WebSocket: binary messages are its bytes, an empty
 * text message says that no more follow in that direction. No faster than the slower end. One
 * thread runs it, the WebSocket calls it.
 */
final class PortTunnel implements WebSocketLink.Listener, AutoCloseable {
  private static final int PIECE = 16 * 1024;

  private final SocketChannel local;
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile @Nullable WebSocketLink socket;

  PortTunnel(SocketChannel local) {
    this.local = local;
  }

  /** Passes on to the end of both directions, or until either end breaks. */
  void run(WebSocketLink opened) {
    socket = opened;
    opened.listen(this);
    try {
      local.socket().setTcpNoDelay(true);
      ByteBuffer bytes = ByteBuffer.allocate(PIECE);
      while (local.read(bytes.clear()) >= 0) {
        opened.sendBinary(bytes.flip());
      }
      opened.sendText("");
      ended.await(); // the server pings, and closes what is dead
    } catch (IOException broken) {
      opened.close();
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
      opened.close();
    }
  }

  @Override
  public void binary(byte[] bytes) throws IOException {
    ByteBuffer left = ByteBuffer.wrap(bytes);
    while (left.hasRemaining()) {
      int ignored = local.write(left);
    }
  }

  @Override
  public void text(String message) throws IOException {
    local.shutdownOutput();
  }

  @Override
  public void closed(int code, String reason) {
    close();
  }

  @Override
  public void broke(IOException why) {
    close();
  }

  /** Ends both ends. Can be repeated. */
  @Override
  public void close() {
    ended.countDown();
    try {
      local.close();
    } catch (IOException e) {
      // Nobody is there to be told.
    }
    WebSocketLink open = socket;
    if (open != null) {
      open.close();
    }
  }
}
