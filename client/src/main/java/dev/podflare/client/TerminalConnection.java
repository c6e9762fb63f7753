package dev.podflare.client;

import java.io.ByteArrayOutputStream;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A connection to a terminal: what is typed goes there, what it says comes to a listener. Closing
 * it leaves the terminal as it is. Thread-safe.
 */
public final class TerminalConnection implements AutoCloseable {
  private static final int PIECE = 32 * 1024;
  private static final int MOST_TEXT = 64 * 1024;
  private static final int LOST = 4410;

  /** Longer than the server waits before it takes an end for dead. */
  private static final int SEND_SECONDS = 120;

  private final TerminalListener listener;
  private final CompletableFuture<Optional<Integer>> end = new CompletableFuture<>();
  private final AtomicBoolean ending = new AtomicBoolean();
  private final Incoming incoming = new Incoming();
  private @Nullable WebSocket socket; // guarded by this

  TerminalConnection(TerminalListener listener) {
    this.listener = listener;
  }

  WebSocket.Listener incoming() {
    return incoming;
  }

  synchronized void open(WebSocket opened) {
    socket = opened;
  }

  /** Types. Waits until it is sent. */
  public synchronized void send(byte[] bytes) {
    for (int at = 0; at < bytes.length; at += PIECE) {
      ByteBuffer piece = ByteBuffer.wrap(bytes, at, Math.min(PIECE, bytes.length - at));
      await(opened().sendBinary(piece, true));
    }
  }

  public synchronized void resize(int cols, int rows) {
    String text = "{\"resize\":{\"cols\":" + cols + ",\"rows\":" + rows + "}}";
    await(opened().sendText(text, true));
  }

  /** Waits for the end of the connection: the program's exit code, or empty if it may go on. */
  public Optional<Integer> await() throws InterruptedException {
    try {
      return end.get();
    } catch (ExecutionException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  private WebSocket opened() {
    WebSocket open = socket;
    if (open == null) {
      throw ApiException.own(ApiException.UNREACHABLE, "the terminal is not connected", null);
    }
    return open;
  }

  private static void await(CompletableFuture<WebSocket> sending) {
    try {
      WebSocket ignored = sending.get(SEND_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException broken) {
      throw ApiException.own(
          ApiException.UNREACHABLE, "the connection to the terminal broke", broken);
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
      throw ApiException.own(ApiException.UNREACHABLE, "interrupted while typing", stopped);
    }
  }

  /** Looks no more. Can be repeated. */
  @Override
  public void close() {
    incoming.ended("closed here", false);
    WebSocket open;
    synchronized (this) {
      open = socket;
    }
    if (open != null) {
      open.abort();
    }
  }

  private final class Incoming implements WebSocket.Listener {
    private final ByteArrayOutputStream text = new ByteArrayOutputStream();
    private volatile @Nullable Integer exitCode;

    @Override
    public @Nullable CompletionStage<?> onBinary(WebSocket from, ByteBuffer data, boolean last) {
      byte[] bytes = new byte[data.remaining()];
      data.get(bytes);
      listener.output(bytes);
      from.request(1);
      return null;
    }

    @Override
    public @Nullable CompletionStage<?> onText(WebSocket from, CharSequence data, boolean last) {
      text.writeBytes(data.toString().getBytes(StandardCharsets.UTF_8));
      if (last) {
        tell(text.toByteArray());
        text.reset();
      } else if (text.size() > MOST_TEXT) {
        from.abort();
        ended("the server sent nonsense", false);
      }
      from.request(1);
      return null;
    }

    private void tell(byte[] json) {
      Message message = Json.read(json, Message.class);
      message.skipped().ifPresent(listener::skipped);
      message.code().ifPresent(code -> listener.refused(code, message.error().orElse("")));
      message
          .exitCode()
          .ifPresent(code -> {
            exitCode = code;
            listener.exited(code);
          });
    }

    @Override
    public @Nullable CompletionStage<?> onClose(WebSocket from, int code, String reason) {
      ended(reason.isEmpty() ? "the server closed the connection" : reason, code == LOST);
      return null;
    }

    @Override
    public void onError(WebSocket from, Throwable failure) {
      ended("the connection broke: " + failure.getMessage(), false);
    }

    void ended(String why, boolean lost) {
      Integer code = exitCode;
      if (ending.compareAndSet(false, true)) {
        listener.closed(code == null ? why : "", code != null || lost);
        end.complete(Optional.ofNullable(code));
      }
    }
  }

  private record Message(
      Optional<Long> skipped,
      Optional<String> code,
      Optional<String> error,
      Optional<Integer> exitCode) {}
}
