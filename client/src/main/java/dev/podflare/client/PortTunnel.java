package dev.podflare.client;

import java.io.IOException;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * One connection of this machine, carried by a WebSocket: binary messages are its bytes, an empty
 * text message says that no more follow in that direction. No faster than the slower end. One
 * thread runs it, the WebSocket calls it.
 */
final class PortTunnel implements WebSocket.Listener, AutoCloseable {
  private static final int PIECE = 16 * 1024;

  /** Longer than the server waits before it takes an end for dead. */
  private static final int SEND_SECONDS = 120;

  private final SocketChannel local;
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile @Nullable WebSocket socket;

  PortTunnel(SocketChannel local) {
    this.local = local;
  }

  /** Passes on to the end of both directions, or until either end breaks. */
  void run(WebSocket opened) {
    socket = opened;
    try {
      local.socket().setTcpNoDelay(true);
      ByteBuffer bytes = ByteBuffer.allocate(PIECE);
      while (local.read(bytes.clear()) >= 0) {
        WebSocket ignored =
            opened.sendBinary(bytes.flip(), true).get(SEND_SECONDS, TimeUnit.SECONDS);
      }
      WebSocket ignored = opened.sendText("", true).get(SEND_SECONDS, TimeUnit.SECONDS);
      ended.await(); // the server pings, and closes what is dead
    } catch (IOException | ExecutionException | TimeoutException broken) {
      opened.abort();
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
      opened.abort();
    }
  }

  @Override
  public @Nullable CompletionStage<?> onBinary(WebSocket from, ByteBuffer data, boolean last) {
    try {
      while (data.hasRemaining()) {
        int ignored = local.write(data);
      }
      from.request(1);
    } catch (IOException gone) {
      from.abort();
      close();
    }
    return null;
  }

  @Override
  public @Nullable CompletionStage<?> onText(WebSocket from, CharSequence data, boolean last) {
    try {
      local.shutdownOutput();
    } catch (IOException gone) {
      close();
    }
    from.request(1);
    return null;
  }

  @Override
  public @Nullable CompletionStage<?> onClose(WebSocket from, int code, String reason) {
    close();
    return null;
  }

  @Override
  public void onError(WebSocket from, Throwable failure) {
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
    WebSocket open = socket;
    if (open != null) {
      open.abort();
    }
  }
}
