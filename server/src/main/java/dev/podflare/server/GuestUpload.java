package dev.podflare.server;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.Request;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Passes a request's body on to the guest while the answer comes back, 16 KiB at a time: no faster
 * than the guest takes it. A body that does not come whole ends the guest's connection, so that it
 * is never taken for a whole one. A guest that takes no more may still answer; what the caller
 * sends then is thrown away. Runs on a thread of its own.
 */
final class GuestUpload {
  private static final Logger LOG = LoggerFactory.getLogger(GuestUpload.class);
  private static final int PIECE = 16 * 1024;
  private static final byte[] LINE_END = {'\r', '\n'};
  private static final byte[] LAST_CHUNK = "0\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

  /** How long a caller may go on sending when the answer has already ended. */
  private static final Duration LINGER = Duration.ofSeconds(2);

  private final Request request;
  private final GuestChannel guest;
  private final EndPoint client;
  private final boolean chunked;
  private final Thread thread;
  private volatile boolean guestTakes = true;
  private volatile boolean broken;

  private GuestUpload(Request request, GuestChannel guest, EndPoint client) {
    this.request = request;
    this.guest = guest;
    this.client = client;
    this.chunked = GuestRequestHead.chunked(request);
    this.thread = Thread.ofVirtual().name("upload to a guest").unstarted(this::run);
  }

  static GuestUpload start(Request request, GuestChannel guest, EndPoint client) {
    GuestUpload upload = new GuestUpload(request, guest, client);
    upload.thread.start();
    return upload;
  }

  /**
   * Comes to an end: lets a caller finish sending for a moment, then cuts it.
   *
   * @return whether the caller's connection was left as it was
   */
  boolean finish() throws InterruptedException {
    if (thread.join(LINGER)) {
      return true;
    }
    client.close();
    thread.join();
    return false;
  }

  /** Whether the caller's body did not come whole. */
  boolean broken() {
    return broken;
  }

  private void run() {
    byte[] bytes = new byte[PIECE];
    try (InputStream body = Content.Source.asInputStream(request)) {
      for (int size = body.read(bytes); size >= 0; size = body.read(bytes)) {
        pass(bytes, size);
      }
    } catch (IOException | RuntimeException cut) {
      LOG.debug("a caller's body ended too early", cut);
      broken = true;
      guest.close();
      return;
    }
    if (chunked) {
      send(ByteBuffer.wrap(LAST_CHUNK));
    }
  }

  private void pass(byte[] bytes, int size) {
    if (size == 0) {
      return;
    }
    if (chunked) {
      byte[] head = (Integer.toHexString(size) + "\r\n").getBytes(StandardCharsets.US_ASCII);
      send(ByteBuffer.wrap(head));
    }
    send(ByteBuffer.wrap(bytes, 0, size));
    if (chunked) {
      send(ByteBuffer.wrap(LINE_END));
    }
  }

  private void send(ByteBuffer bytes) {
    if (!guestTakes) {
      return;
    }
    try {
      int ignored = guest.write(bytes);
    } catch (IOException full) {
      LOG.debug("a guest takes no more of a body", full);
      guestTakes = false;
    }
  }
}
