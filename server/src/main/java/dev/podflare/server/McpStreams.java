package dev.podflare.server;

import dev.podflare.mcp.MessageStream;
import jakarta.servlet.ServletOutputStream;
import jakarta.servlet.http.HttpServletResponse;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends messages of MCP as server-sent events, each with an id after which a client can go on. When
 * the caller is gone the work goes on, as the protocol wants. Thread-safe; each stream runs on its
 * caller's thread.
 */
final class McpStreams {
  private static final Logger LOG = LoggerFactory.getLogger(McpStreams.class);

  /** With the first message so near, it goes out in one packet with the head. */
  private static final Duration HEAD_WAIT = Duration.ofMillis(50);

  private static final int RETRY_MILLIS = 500;
  private static final byte[] END = {'\n', '\n'};
  private static final byte[] HEARTBEAT = {':', '\n', '\n'};
  private static final int LARGE = 64 << 10;

  private final Duration heartbeat;
  private final Set<Thread> running = ConcurrentHashMap.newKeySet();

  McpStreams(Duration heartbeat) {
    this.heartbeat = heartbeat;
  }

  /** Sends what comes after a message; {@code first}: the stream's number goes before. */
  void send(Exchange exchange, MessageStream stream, long after, boolean first) throws IOException {
    HttpServletResponse response = exchange.context().res();
    response.setStatus(200);
    response.setContentType("text/event-stream");
    response.setCharacterEncoding("UTF-8");
    response.setHeader("Cache-Control", "no-cache");
    response.setHeader("X-Accel-Buffering", "no"); // a proxy is not to hold events back
    running.add(Thread.currentThread());
    try {
      pump(response.getOutputStream(), stream, after, first);
    } catch (IOException gone) {
      LOG.debug("request {}: the caller is gone", exchange.requestId(), gone);
    } catch (InterruptedException stopping) {
      LOG.debug("request {}: the server stops", exchange.requestId(), stopping);
      Connections.cut(exchange.context().req());
    } finally {
      running.remove(Thread.currentThread());
    }
  }

  private void pump(ServletOutputStream out, MessageStream stream, long after, boolean first)
      throws IOException, InterruptedException {
    long at = after;
    ByteArrayOutputStream batch = new ByteArrayOutputStream();
    if (first) {
      // Without data: from here on the stream can be gone on with.
      String head = "id: " + stream.id() + "-0\nretry: " + RETRY_MILLIS + "\ndata: \n\n";
      batch.writeBytes(head.getBytes(StandardCharsets.UTF_8));
    }
    Duration wait = first ? HEAD_WAIT : Duration.ZERO;
    while (!stream.isOver(at)) {
      Optional<MessageStream.Numbered> next = stream.next(at, wait);
      if (next.isPresent()) {
        at = next.get().number();
        String head = "event: message\nid: " + stream.id() + "-" + at + "\ndata: ";
        batch.writeBytes(head.getBytes(StandardCharsets.UTF_8));
        batch.writeBytes(next.get().message());
        batch.writeBytes(END);
        wait = Duration.ZERO; // what is ready goes out together
      } else if (batch.size() > 0) {
        flush(out, batch);
        wait = heartbeat;
      } else {
        if (wait.equals(heartbeat)) {
          batch.writeBytes(HEARTBEAT);
          flush(out, batch);
        }
        wait = heartbeat;
      }
      if (batch.size() > LARGE) {
        flush(out, batch);
      }
    }
    flush(out, batch);
  }

  private static void flush(ServletOutputStream out, ByteArrayOutputStream batch)
      throws IOException {
    batch.writeTo(out);
    batch.reset();
    out.flush();
  }

  /** The server stops: cuts those that have not ended. */
  void interruptAll() {
    running.forEach(Thread::interrupt);
  }
}
