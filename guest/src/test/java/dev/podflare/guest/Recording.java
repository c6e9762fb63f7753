package dev.podflare.guest;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Keeps what an execution reports and acknowledges its output at once, unless told not to. */
final class Recording implements ExecListener {
  private final ByteArrayOutputStream stdout = new ByteArrayOutputStream();
  private final ByteArrayOutputStream stderr = new ByteArrayOutputStream();
  private final CompletableFuture<Integer> code = new CompletableFuture<>();
  private final CompletableFuture<GuestExec> exec = new CompletableFuture<>();
  private int early;
  volatile boolean acknowledging = true;
  volatile boolean outputAfterEnd;
  volatile boolean opened;
  volatile int pid;
  volatile @Nullable DoneReason reason;
  volatile Map<String, String> result = Map.of();
  final List<GuestValue> values = new CopyOnWriteArrayList<>();

  /** {@link Output} and {@link GuestValue}, as they came. */
  final List<Object> order = new CopyOnWriteArrayList<>();

  volatile String message = "";

  record Output(GuestStream stream, String text) {}

  synchronized void attach(GuestExec attached) {
    exec.complete(attached);
    if (acknowledging) {
      attached.acknowledge(early);
    }
  }

  GuestExec exec() {
    return exec.join();
  }

  @Override
  public void opened() {
    opened = true;
  }

  @Override
  public void started(int number) {
    pid = number;
  }

  @Override
  public synchronized void output(GuestStream stream, byte[] bytes) {
    outputAfterEnd |= code.isDone();
    order.add(new Output(stream, new String(bytes, StandardCharsets.UTF_8)));
    (stream == GuestStream.STDOUT ? stdout : stderr).writeBytes(bytes);
    if (!exec.isDone()) {
      early += bytes.length;
    } else if (acknowledging) {
      exec.join().acknowledge(bytes.length);
    }
  }

  @Override
  public void value(GuestValue value) {
    values.add(value);
    order.add(value);
    if (value.kind() == GuestValue.Kind.VALUE) {
      result = value.data();
    }
  }

  @Override
  public synchronized void valueBytes(int bytes) {
    if (!exec.isDone()) {
      early += bytes;
    } else if (acknowledging) {
      exec.join().acknowledge(bytes);
    }
  }

  @Override
  public void done(int exitCode, DoneReason why, Optional<String> text) {
    reason = why;
    message = text.orElse("");
    code.complete(exitCode);
  }

  @Override
  public void lost() {
    code.completeExceptionally(new IllegalStateException("lost"));
  }

  Recording await() {
    code.orTimeout(HostAgent.PATIENCE.toSeconds(), TimeUnit.SECONDS).exceptionally(e -> -1).join();
    if (!code.isDone() || code.isCompletedExceptionally()) {
      throw new AssertionError("no end; so far: " + stdout() + stderr());
    }
    return this;
  }

  boolean ended() {
    return code.isDone();
  }

  boolean lostIt() {
    return code.isCompletedExceptionally();
  }

  int code() {
    return code.join();
  }

  synchronized String stdout() {
    return stdout.toString(StandardCharsets.UTF_8);
  }

  synchronized String stderr() {
    return stderr.toString(StandardCharsets.UTF_8);
  }

  synchronized int stdoutSize() {
    return stdout.size();
  }
}
