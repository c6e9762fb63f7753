package dev.podflare.client;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A connection to a terminal: what is typed goes there, what it says comes to a listener. Closing
 * it leaves the terminal as it is. Thread-safe.
 */
public final class TerminalConnection implements AutoCloseable {
  private static final int LOST = 4410;

  private final WebSocketLink socket;
  private final TerminalListener listener;
  private final CompletableFuture<Optional<Integer>> end = new CompletableFuture<>();
  private final AtomicBoolean ending = new AtomicBoolean();
  private final Incoming incoming = new Incoming();

  private TerminalConnection(WebSocketLink socket, TerminalListener listener) {
    this.socket = socket;
    this.listener = listener;
  }

  static TerminalConnection over(WebSocketLink socket, TerminalListener listener) {
    TerminalConnection connection = new TerminalConnection(socket, listener);
    socket.listen(connection.incoming);
    return connection;
  }

  /** Types. Waits until it is sent. */
  public void send(byte[] bytes) {
    attempt(() -> socket.sendBinary(ByteBuffer.wrap(bytes)));
  }

  public void resize(int cols, int rows) {
    String text = "{\"resize\":{\"cols\":" + cols + ",\"rows\":" + rows + "}}";
    attempt(() -> socket.sendText(text));
  }

  private interface Sending {
    void run() throws IOException;
  }

  private static void attempt(Sending sending) {
    try {
      sending.run();
    } catch (IOException broken) {
      throw ApiException.own(
          ApiException.UNREACHABLE, "the connection to the terminal broke", broken);
    }
  }

  /** Waits for the end of the connection: the program's exit code, or empty if it may go on. */
  public Optional<Integer> await() throws InterruptedException {
    try {
      return end.get();
    } catch (ExecutionException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  /** Looks no more. Can be repeated. */
  @Override
  public void close() {
    incoming.ended("closed here", false);
    socket.close();
  }

  private final class Incoming implements WebSocketLink.Listener {
    private volatile @Nullable Integer exitCode;

    @Override
    public void binary(byte[] bytes) {
      listener.output(bytes);
    }

    @Override
    public void text(String message) {
      tell(message.getBytes(StandardCharsets.UTF_8));
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
    public void closed(int code, String reason) {
      ended(reason.isEmpty() ? "the server closed the connection" : reason, code == LOST);
    }

    @Override
    public void broke(IOException why) {
      ended("the connection broke: " + why.getMessage(), false);
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
