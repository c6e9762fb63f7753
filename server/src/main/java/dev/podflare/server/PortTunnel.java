package dev.podflare.server;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eclipse.jetty.websocket.api.Callback;
import org.eclipse.jetty.websocket.api.Session;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A TCP connection to a guest's port as a WebSocket, for any protocol: binary messages are its
 * bytes, an empty text message says that no more follow in that direction. When both directions
 * have ended it closes with 1000; when the guest's connection breaks, with 1011. No faster than the
 * slower end. Public only because Jetty calls it by reflection. Thread-safe.
 */
public final class PortTunnel extends WatchedSocket {
  private static final Logger LOG = LoggerFactory.getLogger(PortTunnel.class);
  private static final int PIECE = 16 * 1024;
  static final int LARGEST_MESSAGE = 64 * 1024;

  private final GuestChannel guest;
  private final Runnable whenEnded;
  private final AtomicBoolean ended = new AtomicBoolean();
  private volatile boolean callerEnded;
  private volatile boolean guestEnded;

  PortTunnel(GuestChannel guest, Duration ping, Runnable whenEnded) {
    super(ping);
    this.guest = guest;
    this.whenEnded = whenEnded;
  }

  @Override
  public void onWebSocketOpen(Session opened) {
    opened(opened, LARGEST_MESSAGE);
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

  private void down(Session to) {
    ByteBuffer bytes = ByteBuffer.allocate(PIECE);
    try {
      while (guest.read(bytes.clear()) >= 0) {
        long began = System.nanoTime();
        bytes.flip();
        waitFor(callback -> to.sendBinary(bytes, callback));
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

  private void closeIfBothEnded() {
    if (callerEnded && guestEnded) {
      close(1000, "");
    }
  }

  @Override
  public void onWebSocketError(Throwable cause) {
    LOG.debug("a tunnel broke", cause);
    end();
  }

  /** Both ends are closed. */
  @Override
  void end() {
    guest.close();
    if (ended.compareAndSet(false, true)) {
      whenEnded.run();
    }
  }
}
