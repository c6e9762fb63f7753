package dev.podflare.server;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eclipse.jetty.websocket.api.Callback;
import org.eclipse.jetty.websocket.api.Session;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A TCP connection to a guest's port as a WebSocket, for any protocol: binary messages are its
 * bytes, an empty text message says that no more follow in that direction. When both directions
 * have ended it closes with 1000; when the guest's connection breaks, with 1011. No faster than the
 * slower end. Public only because Jetty calls it by reflection. Thread-safe.
 */
public final class PortTunnel implements Session.Listener, PortConnections.Watched {
  private static final Logger LOG = LoggerFactory.getLogger(PortTunnel.class);
  private static final int PIECE = 16 * 1024;
  static final int LARGEST_MESSAGE = 64 * 1024;

  private final GuestChannel guest;
  private final Duration ping;
  private final Runnable whenEnded;
  private final AtomicBoolean ended = new AtomicBoolean();
  private volatile @Nullable Session session;
  private volatile boolean callerEnded;
  private volatile boolean guestEnded;
  private volatile long heardNanos = System.nanoTime();
  private volatile long pingedNanos = heardNanos;

  PortTunnel(GuestChannel guest, Duration ping, Runnable whenEnded) {
    this.guest = guest;
    this.ping = ping;
    this.whenEnded = whenEnded;
  }

  @Override
  public void onWebSocketOpen(Session opened) {
    opened.setIdleTimeout(Duration.ZERO); // pings find dead callers
    opened.setMaxBinaryMessageSize(LARGEST_MESSAGE);
    session = opened;
    Thread.ofVirtual().name("tunnel from a guest").start(() -> down(opened));
    opened.demand();
  }

  @Override
  public void onWebSocketBinary(ByteBuffer payload, Callback callback) {
    heard();
    Thread.ofVirtual().name("tunnel to a guest").start(() -> up(payload, callback));
  }

  private void up(ByteBuffer payload, Callback callback) {
    try {
      int ignored = guest.write(payload);
      callback.succeed();
      demandNext();
    } catch (IOException broken) {
      callback.fail(broken);
      close(1011, "the guest's connection broke");
    }
  }

  @Override
  public void onWebSocketText(String message) {
    heard();
    if (!message.isEmpty()) {
      close(1003, "bytes come in binary messages");
      return;
    }
    guest.endOutput();
    callerEnded = true;
    closeIfBothEnded();
    demandNext();
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

  private void down(Session to) {
    ByteBuffer bytes = ByteBuffer.allocate(PIECE);
    try {
      while (guest.read(bytes.clear()) >= 0) {
        long began = System.nanoTime();
        send(to, bytes.flip());
        if (Waits.shown(began)) {
          heard();
        }
      }
      guestEnded = true;
      to.sendText("", Callback.NOOP);
      closeIfBothEnded();
    } catch (IOException broken) {
      close(1011, "the guest's connection broke");
    }
  }

  private static void send(Session to, ByteBuffer bytes) throws IOException {
    CompletableFuture<@Nullable Void> sent = new CompletableFuture<>();
    to.sendBinary(bytes, Callback.from(() -> sent.complete(null), sent::completeExceptionally));
    try {
      sent.get(); // the watcher ends it if the caller takes nothing
    } catch (ExecutionException failed) {
      throw new IOException("the caller is gone", failed);
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", stopped);
    }
  }

  private void demandNext() {
    Session open = session;
    if (open != null && open.isOpen()) {
      open.demand();
    }
  }

  private void closeIfBothEnded() {
    if (callerEnded && guestEnded) {
      close(1000, "");
    }
  }

  private void close(int code, String why) {
    Session open = session;
    if (open != null) {
      open.close(code, why, Callback.NOOP);
    }
  }

  private void heard() {
    heardNanos = System.nanoTime();
  }

  @Override
  public void onWebSocketClose(int statusCode, String reason, Callback callback) {
    end();
    callback.succeed();
  }

  @Override
  public void onWebSocketError(Throwable cause) {
    LOG.debug("a tunnel broke", cause);
    end();
  }

  /** Both ends are closed, whatever became of the WebSocket. Can be repeated. */
  void end() {
    guest.close();
    if (ended.compareAndSet(false, true)) {
      whenEnded.run();
    }
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

  /** Never: only a key opens a tunnel. */
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
