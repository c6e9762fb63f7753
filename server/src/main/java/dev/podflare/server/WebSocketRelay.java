package dev.podflare.server;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.io.AbstractConnection;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.util.Blocker;
import org.eclipse.jetty.util.BufferUtil;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A WebSocket between caller and guest after they have agreed on it. Bytes go through as they are,
 * 16 KiB at a time and no faster than the other end takes them: messages of any size, extensions
 * and close codes are the two ends' own. Only between frames we add some: pings to an end that is
 * silent, and a close frame to the one that is left when the other has gone without. An answer to
 * our ping goes through to the other end, which has to ignore it (RFC 6455, 5.5.3).
 *
 * <p>Two virtual threads, one for each direction; {@link #look} and {@link #stop} come from others.
 */
final class WebSocketRelay extends AbstractConnection
    implements Connection.UpgradeTo, PortConnections.Watched {
  private static final Logger LOG = LoggerFactory.getLogger(WebSocketRelay.class);
  private static final int PIECE = 16 * 1024;
  private static final Duration LINGER = Duration.ofSeconds(2);
  private static final int GOING_AWAY = 1001;
  private static final int NOT_ALLOWED = 1008;
  private static final int PEER_FAILED = 1011;

  private final EndPoint client;
  private final GuestChannel guest;
  private final Runnable whenEnded;
  private final CountDownLatch oneEnded = new CountDownLatch(1);
  private final WebSocketWay toGuest;
  private final WebSocketWay toClient;
  private ByteBuffer fromClient = BufferUtil.EMPTY_BUFFER;
  private final ByteBuffer fromGuest;

  /**
   * @param rest what the guest has sent already
   * @param whenEnded is run once, when both ends are closed
   */
  WebSocketRelay(
      EndPoint client,
      Executor executor,
      GuestChannel guest,
      ByteBuffer rest,
      Duration ping,
      Runnable whenEnded) {
    super(client, executor);
    this.client = client;
    this.guest = guest;
    this.whenEnded = whenEnded;
    this.fromGuest = ByteBuffer.allocate(rest.remaining()).put(rest).flip();
    this.toGuest = new WebSocketWay(true, ping, guest::write);
    this.toClient = new WebSocketWay(false, ping, this::writeToClient);
  }

  @Override
  public void onUpgradeTo(ByteBuffer unconsumed) {
    fromClient = BufferUtil.copy(unconsumed);
  }

  @Override
  public void onOpen() {
    super.onOpen();
    client.setIdleTimeout(0); // pings find dead ends
    Thread.ofVirtual().name("websocket relay").start(this::run);
  }

  @Override
  public void onFillable() {
    throw new IllegalStateException("each read brings its own callback");
  }

  private void run() {
    Thread up = Thread.ofVirtual().name("websocket to a guest").start(this::up);
    Thread down = Thread.ofVirtual().name("websocket of a guest").start(this::down);
    try {
      oneEnded.await(); // silent ends are found dead by the watcher
      boolean ignored = up.join(LINGER) && down.join(LINGER);
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    } finally {
      cut();
      whenEnded.run();
    }
  }

  private void up() {
    ByteBuffer bytes = BufferUtil.allocate(PIECE);
    try {
      toGuest.pass(fromClient);
      while (fill(bytes) >= 0) {
        toClient.heard();
        toGuest.pass(bytes);
      }
    } catch (IOException cut) {
      LOG.debug("a WebSocket's caller is gone", cut);
    }
    toGuest.closeFrame(GOING_AWAY);
    guest.endOutput();
    oneEnded.countDown();
  }

  private void down() {
    ByteBuffer bytes = ByteBuffer.allocate(PIECE);
    try {
      toClient.pass(fromGuest);
      while (guest.read(bytes.clear()) >= 0) {
        toGuest.heard();
        toClient.pass(bytes.flip());
      }
    } catch (IOException cut) {
      LOG.debug("a WebSocket's guest is gone", cut);
    }
    toClient.closeFrame(PEER_FAILED);
    client.shutdownOutput();
    oneEnded.countDown();
  }

  /** Waits for bytes; -1 at the end. */
  private int fill(ByteBuffer bytes) throws IOException {
    BufferUtil.clear(bytes);
    int filled = client.fill(bytes);
    while (filled == 0) {
      try (Blocker.Callback ready = Blocker.callback()) {
        client.fillInterested(ready);
        ready.block(); // the watcher closes the end point of a dead caller
      }
      filled = client.fill(bytes);
    }
    return filled;
  }

  private void writeToClient(ByteBuffer bytes) throws IOException {
    try (Blocker.Callback written = Blocker.callback()) {
      client.write(written, bytes);
      written.block();
    }
  }

  @Override
  public void look(long nowNanos) {
    if (toClient.dead(nowNanos) || toGuest.dead(nowNanos)) {
      cut();
    }
    toClient.pingIfSilent(nowNanos);
    toGuest.pingIfSilent(nowNanos);
  }

  @Override
  public void expire() {
    Thread.ofVirtual()
        .start(() -> {
          leave(NOT_ALLOWED);
          try {
            boolean ignored = oneEnded.await(LINGER.toMillis(), TimeUnit.MILLISECONDS);
          } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
          }
          cut(); // a caller that takes nothing shall not keep it open
        });
  }

  @Override
  public void stop() {
    Thread.ofVirtual().start(() -> leave(GOING_AWAY));
  }

  private void leave(int code) {
    toClient.closeFrame(code);
    toGuest.closeFrame(GOING_AWAY);
    guest.close();
  }

  @Override
  public void cut() {
    guest.close();
    client.close();
  }
}
