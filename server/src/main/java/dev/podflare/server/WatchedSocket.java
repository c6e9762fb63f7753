package dev.podflare.server;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.eclipse.jetty.websocket.api.Callback;
import org.eclipse.jetty.websocket.api.Session;
import org.jspecify.annotations.Nullable;

/**
 * What WebSockets to guests have in common: pings find the dead ones, and the next message is taken
 * only when the last one has been dealt with. Public only because Jetty calls it by reflection.
 * Thread-safe.
 */
public abstract class WatchedSocket implements Session.Listener, PortConnections.Watched {
  private final Duration ping;
  private volatile @Nullable Session session;
  private volatile long heardNanos = System.nanoTime();
  private volatile long pingedNanos = heardNanos;

  WatchedSocket(Duration ping) {
    this.ping = ping;
  }

  /** Whatever became of the WebSocket. Can be repeated. */
  abstract void end();

  /** To be called as it opens, with the largest message that it takes. */
  final void opened(Session opened, int largestMessage) {
    opened.setIdleTimeout(Duration.ZERO); // pings find the dead
    opened.setMaxBinaryMessageSize(largestMessage);
    session = opened;
  }

  /** Empty before it has opened. */
  final @Nullable Session session() {
    return session;
  }

  /** The other side lives. */
  final void heard() {
    heardNanos = System.nanoTime();
  }

  /** The last message has been dealt with. */
  final void demandNext() {
    Session open = session;
    if (open != null && open.isOpen()) {
      open.demand();
    }
  }

  final void close(int code, String why) {
    Session open = session;
    if (open != null) {
      open.close(code, why, Callback.NOOP);
    }
  }

  /** Puts a message on its way. */
  interface Sending {
    void send(Callback callback);
  }

  /** Until it has gone out; the watcher ends the connection if the other side takes nothing. */
  static void waitFor(Sending sending) throws IOException {
    CompletableFuture<@Nullable Void> sent = new CompletableFuture<>();
    sending.send(Callback.from(() -> sent.complete(null), sent::completeExceptionally));
    try {
      sent.get();
    } catch (ExecutionException failed) {
      throw new IOException("the other side is gone", failed);
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", stopped);
    }
  }

  @Override
  public void onWebSocketPing(ByteBuffer payload) {
    heard();
    Session open = session;
    if (open != null) {
      open.sendPong(payload, Callback.NOOP);
    }
    demandNext();
  }

  @Override
  public void onWebSocketPong(ByteBuffer payload) {
    heard();
    demandNext();
  }

  @Override
  public void onWebSocketClose(int statusCode, String reason, Callback callback) {
    end();
    callback.succeed();
  }

  @Override
  public void look(long nowNanos) {
    Session open = session;
    if (nowNanos - heardNanos > 2 * ping.toNanos()) {
      cut();
    } else if (open != null && nowNanos - Math.max(heardNanos, pingedNanos) > ping.toNanos()) {
      pingedNanos = nowNanos;
      open.sendPing(ByteBuffer.allocate(0), Callback.NOOP);
    }
  }

  /** Never: only a key opens one. */
  @Override
  public void expire() {
    close(1008, "");
  }

  @Override
  public void stop() {
    close(1001, "this node is stopping");
  }

  @Override
  public void cut() {
    Session open = session;
    if (open != null) {
      open.disconnect();
    }
    end();
  }
}
