package dev.podflare.client;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A WebSocket to the server, after its handshake (RFC 6455, no extensions). Not the JDK's: that
 * drops what a server sends right behind its answer to the handshake, which is what terminals and
 * many a TCP service do (its RawChannelTube takes the bytes that were read so far before it has the
 * next ones for itself). Thread-safe; a listener that waits holds the server up.
 */
final class WebSocketLink implements AutoCloseable {
  private static final int LARGEST_PIECE = 32 << 10;
  private static final int LARGEST_TEXT = 64 << 10;
  private static final int LARGEST_CONTROL = 125;

  /** How often a wait looks at the time. */
  static final Duration LOOK = Duration.ofSeconds(10);

  /** The server pings after 30 seconds of silence. */
  private static final Duration LONGEST_SILENCE = Duration.ofSeconds(105);

  private static final Duration LONGEST_WRITE = Duration.ofMinutes(2);
  private static final int TEXT = 1;
  private static final int BINARY = 2;
  private static final int CLOSE = 8;
  private static final int PING = 9;
  private static final int PONG = 10;
  private static final int NO_CODE = 1005;
  private static final SecureRandom RANDOM = new SecureRandom();

  /** Hears what comes, one after another; the last is closed or broke. */
  interface Listener {
    /** A piece of binary messages; where they begin and end is not told. */
    void binary(byte[] bytes) throws IOException;

    void text(String message) throws IOException;

    /** The server has closed it. */
    void closed(int code, String reason);

    /** It is gone without a word, or was closed here. */
    void broke(IOException why);
  }

  private final Socket socket;
  private final InputStream in;
  private final OutputStream out;
  private final ReentrantLock writing = new ReentrantLock();
  private final AtomicReference<byte @Nullable []> pong = new AtomicReference<>();
  private final AtomicBoolean listening = new AtomicBoolean();
  private final ByteArrayOutputStream text = new ByteArrayOutputStream();
  private volatile long writeBegan; // nanoseconds; 0: nothing is being written
  private long heard = System.nanoTime(); // the reader's
  private int message; // type of the message that goes on, the reader's

  /**
   * Takes over a socket.
   *
   * @param in of the socket, whose next bytes are frames; reads of it end every {@link #LOOK}
   */
  WebSocketLink(Socket socket, InputStream in) throws IOException {
    this.socket = socket;
    this.in = in;
    this.out = socket.getOutputStream();
  }

  /** Begins to hear; once. */
  void listen(Listener listener) {
    if (!listening.compareAndSet(false, true)) {
      throw new IllegalStateException("somebody listens already");
    }
    Thread.ofVirtual().name("websocket").start(() -> read(listener));
  }

  /** Waits until it is sent. */
  void sendBinary(ByteBuffer bytes) throws IOException {
    send(() -> {
      do {
        byte[] piece = new byte[Math.min(bytes.remaining(), LARGEST_PIECE)];
        bytes.get(piece);
        write(BINARY, piece);
      } while (bytes.hasRemaining());
    });
  }

  /** Waits until it is sent. */
  void sendText(String message) throws IOException {
    send(() -> write(TEXT, message.getBytes(StandardCharsets.UTF_8)));
  }

  private interface Writing {
    void run() throws IOException;
  }

  private void send(Writing action) throws IOException {
    writing.lock();
    try {
      action.run();
    } finally {
      writing.unlock();
    }
    answerPing();
  }

  /**
   * Never waits for a writer, who may itself wait until the server is read; he does it afterwards.
   */
  private void answerPing() throws IOException {
    while (pong.get() != null && writing.tryLock()) {
      try {
        byte[] payload = pong.getAndSet(null);
        if (payload != null) {
          write(PONG, payload);
        }
      } finally {
        writing.unlock();
      }
    }
  }

  private void write(int type, byte[] payload) throws IOException {
    ByteBuffer frame = ByteBuffer.allocate(14 + payload.length);
    frame.put((byte) (0x80 | type));
    if (payload.length <= LARGEST_CONTROL) {
      frame.put((byte) (0x80 | payload.length));
    } else if (payload.length <= 0xffff) {
      frame.put((byte) (0x80 | 126)).putShort((short) payload.length);
    } else {
      frame.put((byte) (0x80 | 127)).putLong(payload.length);
    }
    byte[] mask = new byte[4];
    RANDOM.nextBytes(mask);
    frame.put(mask);
    for (int i = 0; i < payload.length; i++) {
      frame.put((byte) (payload[i] ^ mask[i & 3]));
    }
    writeBegan = System.nanoTime() | 1;
    try {
      out.write(frame.array(), 0, frame.position());
      out.flush();
    } finally {
      writeBegan = 0;
    }
  }

  private void read(Listener listener) {
    try {
      while (frame(listener)) {
        answerPing();
      }
    } catch (IOException broken) {
      close();
      listener.broke(broken);
    } catch (RuntimeException failed) {
      close();
      listener.broke(new IOException("the listener failed", failed));
    }
  }

  /** One frame; false after a close. */
  private boolean frame(Listener listener) throws IOException {
    int head = octet();
    int size = octet();
    boolean last = (head & 0x80) != 0;
    int type = head & 0x0f;
    if ((head & 0x70) != 0 || (size & 0x80) != 0) {
      throw new IOException("the server sent a frame that was not agreed on");
    }
    long length = size < 126 ? size : number(size == 126 ? 2 : 8);
    if (type >= CLOSE) {
      if (!last || length > LARGEST_CONTROL) {
        throw new IOException("the server sent a control frame that is too large");
      }
      return control(type, exactly((int) length), listener);
    }
    message = type == 0 ? message : type;
    if (message != TEXT && message != BINARY) {
      throw new IOException("the server sent a frame of type " + type);
    }
    content(length, listener);
    if (message == TEXT && last) {
      String whole = text.toString(StandardCharsets.UTF_8);
      text.reset();
      listener.text(whole);
    }
    return true;
  }

  private void content(long length, Listener listener) throws IOException {
    if (length < 0 || (message == TEXT && text.size() + length > LARGEST_TEXT)) {
      throw new IOException("the server sent a message of " + length + " bytes");
    }
    for (long left = length; left > 0; ) {
      byte[] piece = exactly((int) Math.min(left, LARGEST_PIECE));
      left -= piece.length;
      if (message == TEXT) {
        text.write(piece);
      } else {
        listener.binary(piece);
        heard = System.nanoTime(); // the listener's time is not the server's
      }
    }
  }

  private boolean control(int type, byte[] payload, Listener listener) {
    if (type == PING) {
      pong.set(payload);
    }
    if (type != CLOSE) {
      return true;
    }
    int code = payload.length < 2 ? NO_CODE : ByteBuffer.wrap(payload).getShort() & 0xffff;
    String reason =
        payload.length < 2
            ? ""
            : new String(payload, 2, payload.length - 2, StandardCharsets.UTF_8);
    sayGoodbye(payload);
    close();
    listener.closed(code, reason);
    return false;
  }

  private void sayGoodbye(byte[] payload) {
    if (writing.tryLock()) {
      try {
        write(CLOSE, payload);
      } catch (IOException gone) {
        // It closes in any case.
      } finally {
        writing.unlock();
      }
    }
  }

  private int octet() throws IOException {
    return exactly(1)[0] & 0xff;
  }

  private long number(int octets) throws IOException {
    byte[] bytes = exactly(octets);
    return octets == 2
        ? ByteBuffer.wrap(bytes).getShort() & 0xffff
        : ByteBuffer.wrap(bytes).getLong();
  }

  private byte[] exactly(int count) throws IOException {
    byte[] bytes = new byte[count];
    for (int at = 0; at < count; ) {
      try {
        int read = in.read(bytes, at, count - at);
        if (read < 0) {
          throw new EOFException("the server broke the connection");
        }
        heard = System.nanoTime();
        at += read;
      } catch (SocketTimeoutException silence) {
        requireLife();
      }
    }
    return bytes;
  }

  private void requireLife() throws IOException {
    long now = System.nanoTime();
    long began = writeBegan;
    if (now - heard > LONGEST_SILENCE.toNanos()) {
      throw new IOException("the server is silent for " + LONGEST_SILENCE.toSeconds() + " s");
    }
    if (began != 0 && now - began > LONGEST_WRITE.toNanos()) {
      throw new IOException("the server takes nothing for " + LONGEST_WRITE.toSeconds() + " s");
    }
  }

  /** Breaks it off. Can be repeated. */
  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      // It is not used any more in any case.
    }
  }
}
