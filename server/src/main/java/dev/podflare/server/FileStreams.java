package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Bodies that are passed on as they come. Stateless. */
final class FileStreams {
  private static final Logger LOG = LoggerFactory.getLogger(FileStreams.class);
  private static final int PIECE = 64 << 10;

  /** A refused caller who is still sending hears of it once he has been let send that much. */
  private static final long MOST_SKIPPED = 16L << 20;

  private static final long SKIP_NANOS = TimeUnit.SECONDS.toNanos(2);

  interface Sender {
    void send(OutputStream out) throws IOException;
  }

  interface Receiver<T> {
    T receive(InputStream body) throws IOException;
  }

  private FileStreams() {}

  /** Once the head is out, only a cut connection can say that the answer is not whole. */
  static void send(Exchange exchange, Sender sender) throws IOException {
    HttpServletResponse response = exchange.context().res();
    try {
      OutputStream out = response.getOutputStream();
      sender.send(out);
      out.close();
    } catch (IOException gone) {
      LOG.debug("request {}: the caller is gone", exchange.requestId(), gone);
      Connections.cut(exchange.context().req());
    } catch (RuntimeException failed) {
      if (!response.isCommitted()) {
        response.resetBuffer();
        response.setContentLengthLong(-1);
        response.setHeader("ETag", null);
        response.setHeader("Content-Range", null);
        response.setHeader("Accept-Ranges", null);
        throw failed;
      }
      LOG.info("request {}: the answer was cut: {}", exchange.requestId(), failed.toString());
      Connections.cut(exchange.context().req());
    }
  }

  /** {@code BAD_REQUEST} if the body does not come whole; the caller may be gone then. */
  static <T> T receive(Exchange exchange, Receiver<T> receiver) throws IOException {
    InputStream body = exchange.context().req().getInputStream();
    try {
      return receiver.receive(body);
    } catch (IOException broken) {
      throw new PodflareException(
          ErrorCode.BAD_REQUEST, "the body did not come whole: " + broken.getMessage(), broken);
    } catch (RuntimeException refused) {
      skip(body);
      throw refused;
    }
  }

  private static void skip(InputStream body) {
    byte[] piece = new byte[PIECE];
    long skipped = 0;
    long end = System.nanoTime() + SKIP_NANOS;
    try {
      while (skipped < MOST_SKIPPED && System.nanoTime() < end) {
        int read = body.read(piece);
        if (read < 0) {
          return;
        }
        skipped += read;
      }
    } catch (IOException broken) {
      LOG.debug("a refused caller is gone", broken);
    }
  }
}
