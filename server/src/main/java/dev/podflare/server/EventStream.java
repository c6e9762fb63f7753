package dev.podflare.server;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.ExecEvent;
import dev.podflare.engine.ExecRequest.Framing;
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

  /** Where the lines come from. One thread; closed when the stream ends, for whatever reason. */
  interface Source extends AutoCloseable {
    /** Whether the last line was written. */
    boolean ended();

    /** Writes what comes within {@code wait}; false if nothing came. */
    boolean writeNext(EventWriter writer, Duration wait) throws IOException, InterruptedException;

    @Override
    void close();
  }

  /**
   * Streams until the exit event is sent or the caller is gone.
   *
   * @param cancelWhenGone whether the execution is cancelled when the caller is gone
   */
  void send(Exchange exchange, Execution execution, ExecStream stream, boolean cancelWhenGone) {
    exchange.context().res().setHeader("X-Exec-Id", execution.id());
    Framing framing = execution.view().framing();
    Runnable leave = cancelWhenGone ? execution::cancel : () -> {};
    send(exchange, framing, new ExecSource(stream), silence(cancelWhenGone), leave);
  }

  /** As above for another source, to which it matters whether the caller is gone. */
  void send(Exchange exchange, Framing framing, Source source) {
    send(exchange, framing, source, silence(true), () -> {});
  }

  private void send(
      Exchange exchange, Framing framing, Source source, Duration silence, Runnable whenGone) {
    var response = exchange.context().res();
    response.setStatus(200);
    response.setContentType("application/x-ndjson");
    response.setHeader("Cache-Control", "no-cache");
    running.add(Thread.currentThread());
    try (source;
        EventWriter writer = new EventWriter(framing, response.getOutputStream())) {
      pump(response.getOutputStream(), source, writer, silence);
    } catch (IOException | JacksonIOException gone) {
      LOG.debug("request {}: the caller is gone", exchange.requestId(), gone);
      whenGone.run();
    } catch (InterruptedException stopping) {
      refuseOrCut(
          exchange, new PodflareException(ErrorCode.SHUTTING_DOWN, "this node is stopping"));
    } catch (RuntimeException failed) {
      refuseOrCut(exchange, failed);
    } finally {
      running.remove(Thread.currentThread());
    }
  }

  private record ExecSource(ExecStream stream) implements Source {
    @Override
    public boolean ended() {
      return stream.ended();
    }

    @Override
    public boolean writeNext(EventWriter writer, Duration wait) throws InterruptedException {
      Optional<ExecEvent> event = stream.next(wait);
      event.ifPresent(writer::write);
      return event.isPresent();
    }

    @Override
    public void close() {
      stream.close();
    }
  }

  /** A wait of the engine's. */
  interface Wait<T> {
    T run() throws InterruptedException;
  }

  /** Waits, unless the server stops: {@code SHUTTING_DOWN}. */
  <T> T await(Wait<T> wait) {
    running.add(Thread.currentThread());
    try {
      return wait.run();
    } catch (InterruptedException stopping) {
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "this node is stopping", stopping);
    } finally {
      running.remove(Thread.currentThread());
    }
  }

  /** Ends the streams and waits that are still running, for a stop that cannot wait longer. */
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
      ServletOutputStream out, Source source, EventWriter writer, Duration silence)
      throws IOException, InterruptedException {
    boolean headSent = false;
    while (!source.ended()) {
      if (source.writeNext(writer, headSent ? silence : HEAD_WAIT)) {
        addWhatIsReady(source, writer);
      } else if (source.ended()) {
        break;
      } else if (headSent) {
        writer.blankLine();
      }
      headSent = true;
      writer.passOn();
      // The last lines go out with the end of the answer.
      if (!source.ended()) {
        out.flush();
      }
    }
    out.close();
  }

  private static void addWhatIsReady(Source source, EventWriter writer)
      throws IOException, InterruptedException {
    while (!source.ended()
        && writer.written() < LineBuffer.SIZE
        && source.writeNext(writer, Duration.ZERO)) {}
  }
}
