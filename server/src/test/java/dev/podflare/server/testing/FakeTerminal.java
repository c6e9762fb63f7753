package dev.podflare.server.testing;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.Terminal;
import dev.podflare.engine.TerminalEnd;
import dev.podflare.engine.TerminalPiece;
import dev.podflare.engine.TerminalRequest;
import dev.podflare.engine.TerminalStream;
import dev.podflare.engine.TerminalView;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * A terminal without a guest: it echoes what is typed, says its new sizes, and ends with 3 at
 * "exit". It keeps all of its output. Thread-safe.
 */
public final class FakeTerminal implements Terminal {
  private final String id;
  private final TerminalRequest request;
  private final ByteArrayOutputStream output = new ByteArrayOutputStream();
  private int cols;
  private int rows;
  private int viewers;
  private @Nullable TerminalEnd end;

  FakeTerminal(String id, TerminalRequest request) {
    this.id = id;
    this.request = request;
    this.cols = request.cols();
    this.rows = request.rows();
  }

  public TerminalRequest request() {
    return request;
  }

  public synchronized int viewers() {
    return viewers;
  }

  public synchronized void write(byte[] bytes) {
    output.writeBytes(bytes);
    notifyAll();
  }

  public void print(String text) {
    write(text.getBytes(StandardCharsets.UTF_8));
  }

  public synchronized void end(TerminalEnd how) {
    end = how;
    notifyAll();
  }

  @Override
  public String id() {
    return id;
  }

  @Override
  public synchronized TerminalView view() {
    OptionalInt code =
        end instanceof TerminalEnd.Exited(int exit) ? OptionalInt.of(exit) : OptionalInt.empty();
    return new TerminalView(id, request.label(), Instant.EPOCH, code, cols, rows);
  }

  @Override
  public synchronized TerminalStream attach() {
    viewers++;
    return new Viewer();
  }

  private final class Viewer implements TerminalStream {
    private long position;

    @Override
    public Optional<TerminalPiece> next(Duration wait) throws InterruptedException {
      synchronized (FakeTerminal.this) {
        Read read = read(position, 32 << 10, wait);
        position = read.piece().next();
        return Optional.of(read.piece()).filter(piece -> piece.bytes().length > 0);
      }
    }

    @Override
    public Optional<TerminalEnd> end() {
      synchronized (FakeTerminal.this) {
        return position < output.size() ? Optional.empty() : Optional.ofNullable(end);
      }
    }

    @Override
    public void close() {
      synchronized (FakeTerminal.this) {
        viewers--;
      }
    }
  }

  @Override
  public synchronized Read read(long since, int maxBytes, Duration patience)
      throws InterruptedException {
    long deadline = System.nanoTime() + patience.toNanos();
    int from = (int) Math.min(since, output.size());
    long left = patience.toMillis();
    while (from == output.size() && end == null && left > 0) {
      wait(left);
      left = (deadline - System.nanoTime()) / 1_000_000;
    }
    int to = Math.min(output.size(), from + maxBytes);
    return new Read(
        new TerminalPiece(from, Arrays.copyOfRange(output.toByteArray(), from, to), 0),
        to == output.size() ? Optional.ofNullable(end) : Optional.empty());
  }

  @Override
  public void input(byte[] bytes) {
    requireOpen();
    write(bytes);
    if (new String(bytes, StandardCharsets.UTF_8).equals("exit")) {
      end(new TerminalEnd.Exited(3));
    }
  }

  @Override
  public void resize(int newCols, int newRows) {
    requireOpen();
    synchronized (this) {
      cols = newCols;
      rows = newRows;
    }
    print(newCols + "x" + newRows);
  }

  @Override
  public void kill() {
    end(new TerminalEnd.Exited(137));
  }

  private synchronized void requireOpen() {
    if (end != null) {
      throw new PodflareException(ErrorCode.PTY_CLOSED, "terminal " + id + " has ended");
    }
  }
}
