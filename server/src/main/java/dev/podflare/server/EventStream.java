package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.ExecEvent;
import dev.podflare.engine.ExecStream;
import dev.podflare.engine.Execution;
import jakarta.servlet.ServletOutputStream;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.exc.JacksonIOException;

/**
 * Sends an execution's events as they come: what is ready goes out together at once, nothing waits
 * for more. A silent stream carries an empty line now and then, which also finds out that the
 * caller is gone. Thread-safe; each stream runs on its caller's thread.
 */
final class EventStream {
  private static final Logger LOG = LoggerFactory.getLogger(EventStream.class);

  /** With the first event so near, its line and the answer's head go out in one packet. */
  private static final Duration HEAD_WAIT = Duration.ofMillis(50);

  /** A caller whose leaving has an effect is looked after more often. */
  private static final Duration WATCHED_HEARTBEAT = Duration.ofSeconds(2);

  private final Duration heartbeat;
  private final Set<Thread> running = ConcurrentHashMap.newKeySet();

  EventStream(Duration heartbeat) {
    this.heartbeat = heartbeat;
  }

  /**
   * Streams until the exit event is sent or the caller is gone.
   *
   * @param cancelWhenGone whether the execution is cancelled when the caller is gone
   */
  void send(Exchange exchange, Execution execution, ExecStream stream, boolean cancelWhenGone) {
    var response = exchange.context().res();
    response.setStatus(200);
    response.setContentType("application/x-ndjson");
    response.setHeader("X-Exec-Id", execution.id());
    response.setHeader("Cache-Control", "no-cache");
    running.add(Thread.currentThread());
    try (stream;
        EventWriter writer =
            new EventWriter(execution.view().framing(), response.getOutputStream())) {
      pump(response.getOutputStream(), stream, writer, silence(cancelWhenGone));
    } catch (IOException | JacksonIOException gone) {
      LOG.debug("request {}: the caller is gone", exchange.requestId(), gone);
      if (cancelWhenGone) {
        execution.cancel();
      }
    } catch (InterruptedException stopping) {
      refuseOrCut(
          exchange, new PodflareException(ErrorCode.SHUTTING_DOWN, "this node is stopping"));
    } catch (RuntimeException failed) {
      refuseOrCut(exchange, failed);
    } finally {
      running.remove(Thread.currentThread());
    }
  }

  /** Ends the streams that are still running, for a stop that cannot wait longer. */
  void interruptAll() {
    running.forEach(Thread::interrupt);
  }

  /** Once the head is out, only a cut connection can say that the answer is not whole. */
  private static void refuseOrCut(Exchange exchange, RuntimeException failure) {
    if (!exchange.context().res().isCommitted()) {
      throw failure;
    }
    LOG.warn("request {}: the stream was cut: {}", exchange.requestId(), failure.toString());
    Connections.cut(exchange.context().req());
  }

  private Duration silence(boolean watched) {
    return watched && heartbeat.compareTo(WATCHED_HEARTBEAT) > 0 ? WATCHED_HEARTBEAT : heartbeat;
  }

  private static void pump(
      ServletOutputStream out, ExecStream stream, EventWriter writer, Duration silence)
      throws IOException, InterruptedException {
    boolean headSent = false;
    while (!stream.ended()) {
      Optional<ExecEvent> first = stream.next(headSent ? silence : HEAD_WAIT);
      if (first.isPresent()) {
        writer.write(first.get());
        addWhatIsReady(stream, writer);
      } else if (stream.ended()) {
        break;
      } else if (headSent) {
        writer.blankLine();
      }
      headSent = true;
      writer.passOn();
      // The last lines go out with the end of the answer.
      if (!stream.ended()) {
        out.flush();
      }
    }
    out.close();
  }

  private static void addWhatIsReady(ExecStream stream, EventWriter writer)
      throws InterruptedException {
    while (!stream.ended() && writer.written() < LineBuffer.SIZE) {
      Optional<ExecEvent> next = stream.next(Duration.ZERO);
      if (next.isEmpty()) {
        return;
      }
      writer.write(next.get());
    }
  }
}
