package dev.podflare.server;

import dev.podflare.common.PodflareException;
import dev.podflare.engine.Terminal;
import dev.podflare.engine.TerminalEnd;
import dev.podflare.engine.TerminalPiece;
import dev.podflare.engine.TerminalStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eclipse.jetty.websocket.api.Callback;
import org.eclipse.jetty.websocket.api.Session;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A terminal as a WebSocket: binary messages are what is typed and what is written, text messages
 * are JSON objects. From the viewer {@code resize}; to it {@code skipped} (bytes of output that it
 * was too slow for), {@code error} with {@code code} (what it sent was refused), and last {@code
 * exit_code}. It closes with 1000 after the program's end, with 4410 when the terminal is not to be
 * had here any more, with 1001 when the server stops. A viewer that takes nothing holds nobody up.
 * Public only because Jetty calls it by reflection. Thread-safe.
 */
public final class TerminalSocket extends WatchedSocket {
  private static final Logger LOG = LoggerFactory.getLogger(TerminalSocket.class);
  static final int LARGEST_INPUT = 64 * 1024;
  private static final int LARGEST_TEXT = 4096;
  private static final int LONGEST_REASON = 100;

  /** Of the range for applications: as the status 410. */
  private static final int LOST = 4410;

  private static final Duration LOOK = Duration.ofSeconds(10);
  private static final JsonBodies JSON = new JsonBodies(ServerLimits.defaults());

  private final Terminal terminal;
  private final Runnable whenEnded;
  private final AtomicBoolean ended = new AtomicBoolean();
  private volatile @Nullable Thread viewer;

  TerminalSocket(Terminal terminal, Duration ping, Runnable whenEnded) {
    super(ping);
    this.terminal = terminal;
    this.whenEnded = whenEnded;
  }

  @Override
  public void onWebSocketOpen(Session opened) {
    opened(opened, LARGEST_INPUT);
    opened.setMaxTextMessageSize(LARGEST_TEXT);
    viewer = Thread.ofVirtual().name("viewer of " + terminal.id()).start(() -> down(opened));
    opened.demand();
  }

  private void down(Session to) {
    try (TerminalStream stream = terminal.attach()) {
      while (to.isOpen() && !ended.get()) {
        Optional<TerminalPiece> piece = stream.next(LOOK);
        if (piece.isPresent()) {
          send(to, piece.get());
        } else if (stream.end().isPresent()) {
          last(to, stream.end().get());
          return;
        }
      }
    } catch (IOException gone) {
      LOG.debug("a viewer is gone", gone);
      cut();
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException failed) {
      LOG.warn("a viewer's terminal failed", failed);
      close(1011, "something went wrong in Podflare");
    }
  }

  private void send(Session to, TerminalPiece piece) throws IOException {
    long began = System.nanoTime();
    if (piece.skipped() > 0) {
      text(to, Json.object().put("skipped", piece.skipped()));
    }
    waitFor(callback -> to.sendBinary(ByteBuffer.wrap(piece.bytes()), callback));
    if (Waits.shown(began)) {
      heard();
    }
  }

  private void last(Session to, TerminalEnd end) throws IOException {
    switch (end) {
      case TerminalEnd.Exited(int code) -> {
        text(to, Json.object().put("exit_code", code));
        close(1000, "the program has ended");
      }
      case TerminalEnd.Lost(String why) ->
          close(LOST, why.length() > LONGEST_REASON ? why.substring(0, LONGEST_REASON) : why);
    }
  }

  private static void text(Session to, Json.Entries object) throws IOException {
    String text = new String(Json.bytes(object.map()), StandardCharsets.UTF_8);
    waitFor(callback -> to.sendText(text, callback));
  }

  @Override
  public void onWebSocketBinary(ByteBuffer payload, Callback callback) {
    heard();
    byte[] bytes = new byte[payload.remaining()];
    payload.get(bytes);
    callback.succeed();
    attempt(() -> terminal.input(bytes));
  }

  @Override
  public void onWebSocketText(String message) {
    heard();
    attempt(() -> {
      TerminalBody.Size size = TerminalBody.Size.of(resize(message));
      terminal.resize(size.cols(), size.rows());
    });
  }

  private static Fields resize(String message) {
    Fields fields = JSON.parse(message.getBytes(StandardCharsets.UTF_8));
    if (!fields.has("resize")) {
      throw Fields.invalid("resize", "given: {\"resize\":{\"cols\":80,\"rows\":24}}");
    }
    return fields.object("resize");
  }

  /** One after another, and the next message only then: a program that does not read can wait. */
  private void attempt(Runnable action) {
    Thread.ofVirtual()
        .name("typing into " + terminal.id())
        .start(() -> {
          try {
            action.run();
          } catch (PodflareException refused) {
            tell(refused);
          } catch (RuntimeException failed) {
            LOG.warn("typing into a terminal failed", failed);
            close(1011, "something went wrong in Podflare");
          }
          demandNext();
        });
  }

  private void tell(PodflareException refused) {
    Session open = session();
    try {
      if (open != null) {
        text(
            open,
            Json.object()
                .put("error", Text.writable(refused.sentence()))
                .put("code", refused.code().wireName()));
      }
    } catch (IOException gone) {
      LOG.debug("a viewer is gone", gone);
    }
  }

  @Override
  public void onWebSocketError(Throwable cause) {
    LOG.debug("a viewer's connection broke", cause);
    end();
  }

  @Override
  void end() {
    if (ended.compareAndSet(false, true)) {
      Thread looking = viewer;
      if (looking != null) {
        looking.interrupt();
      }
      whenEnded.run();
    }
  }
}
