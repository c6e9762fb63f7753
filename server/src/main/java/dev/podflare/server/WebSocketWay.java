package dev.podflare.server;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What goes to one end of a WebSocket, and when that end was last heard. Thread-safe. */
final class WebSocketWay {
  private static final Logger LOG = LoggerFactory.getLogger(WebSocketWay.class);
  private static final Duration PATIENCE = Duration.ofSeconds(2);

  /** Writes all of it, and waits for that. */
  interface Sink {
    void write(ByteBuffer bytes) throws IOException;
  }

  private final ReentrantLock lock = new ReentrantLock();
  private final FrameTracker frames = new FrameTracker(); // guarded by lock
  private final boolean masked;
  private final Duration ping;
  private final Sink sink;
  private volatile long heardNanos = System.nanoTime();
  private volatile long triedNanos = heardNanos;
  private volatile long askedNanos; // 0: never
  private volatile long writingNanos; // 0: not now

  /**
   * @param masked whether that end is a server, to which frames are masked
   * @param ping silence after which it is asked
   */
  WebSocketWay(boolean masked, Duration ping, Sink sink) {
    this.masked = masked;
    this.ping = ping;
    this.sink = sink;
  }

  void pass(ByteBuffer bytes) throws IOException {
    long began = System.nanoTime();
    lock.lock();
    try {
      writingNanos = began;
      frames.pass(bytes.duplicate());
      sink.write(bytes);
    } finally {
      writingNanos = 0;
      lock.unlock();
    }
    if (Waits.shown(began)) {
      heard();
    }
  }

  void heard() {
    heardNanos = System.nanoTime();
  }

  /** It was asked and does not answer, or it takes nothing. */
  boolean dead(long nowNanos) {
    long asked = askedNanos;
    long writing = writingNanos;
    return (asked != 0 && asked - heardNanos > 0 && nowNanos - asked > ping.toNanos())
        || (writing != 0 && nowNanos - writing > 2 * ping.toNanos());
  }

  void pingIfSilent(long nowNanos) {
    long silentSince = Math.max(heardNanos, triedNanos);
    if (nowNanos - silentSince > ping.toNanos()) {
      triedNanos = nowNanos;
      Thread.ofVirtual().start(this::ask);
    }
  }

  private void ask() {
    long now = System.nanoTime();
    if (insert(WebSocketFrames.ping(masked))) {
      askedNanos = now;
    }
  }

  void closeFrame(int code) {
    boolean ignored = insert(WebSocketFrames.close(code, masked));
  }

  /** Unless another frame is under way, or the last has been. */
  private boolean insert(byte[] frame) {
    if (!locked()) {
      return false;
    }
    try {
      if (!frames.between()) {
        return false;
      }
      frames.pass(ByteBuffer.wrap(frame));
      sink.write(ByteBuffer.wrap(frame));
      return true;
    } catch (IOException gone) {
      LOG.debug("an end of a WebSocket is gone", gone);
      return false;
    } finally {
      lock.unlock();
    }
  }

  /** Not for long: an end that takes nothing is dead anyway. */
  private boolean locked() {
    try {
      return lock.tryLock(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
