package dev.podflare.server.testing;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.ExecEvent;
import dev.podflare.engine.ExecRequest;
import dev.podflare.engine.ExecStream;
import dev.podflare.engine.Execution;
import dev.podflare.engine.ExecutionView;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** An execution whose events the test makes. Thread-safe. */
public final class FakeExecution implements Execution {
  private final String id;
  private final ExecRequest request;
  private final List<ExecEvent> events = new ArrayList<>();
  private final StringBuilder stdin = new StringBuilder();
  private int openStreams;
  private boolean cancelled;

  FakeExecution(String id, ExecRequest request) {
    this.id = id;
    this.request = request;
    if (request.framing() == ExecRequest.Framing.CHUNKS) {
      add(new ExecEvent.Started(0, now(), id));
    }
  }

  public ExecRequest request() {
    return request;
  }

  public synchronized void print(byte[] bytes) {
    add(new ExecEvent.Output(events.size(), now(), ExecEvent.Stream.STDOUT, bytes));
  }

  public void print(String text) {
    print(text.getBytes(StandardCharsets.UTF_8));
  }

  public synchronized void printError(String text) {
    add(
        new ExecEvent.Output(
            events.size(), now(), ExecEvent.Stream.STDERR, text.getBytes(StandardCharsets.UTF_8)));
  }

  public synchronized void result(Map<String, String> data) {
    result(ExecEvent.Shown.VALUE, data);
  }

  public synchronized void result(ExecEvent.Shown shown, Map<String, String> data) {
    add(new ExecEvent.Result(events.size(), now(), shown, data, Optional.empty()));
  }

  public synchronized void exit(int code, ExecEvent.Reason reason) {
    if (ending().isEmpty()) {
      add(new ExecEvent.Exit(events.size(), now(), code, reason));
    }
  }

  public synchronized int openStreams() {
    return openStreams;
  }

  public synchronized boolean cancelled() {
    return cancelled;
  }

  public synchronized String stdinText() {
    return stdin.toString();
  }

  public synchronized List<ExecEvent> events() {
    return List.copyOf(events);
  }

  @Override
  public String id() {
    return id;
  }

  @Override
  public synchronized ExecutionView view() {
    Optional<ExecEvent.Exit> ending = ending();
    Instant start = Instant.EPOCH;
    return new ExecutionView(
        id,
        request.language(),
        request.framing(),
        ending.isPresent() ? ExecutionView.State.ENDED : ExecutionView.State.RUNNING,
        start,
        Optional.of(start),
        ending.map(exit -> Instant.ofEpochMilli(exit.epochMillis())),
        ending.isPresent() ? OptionalInt.of(ending.get().code()) : OptionalInt.empty(),
        ending.map(ExecEvent.Exit::reason));
  }

  @Override
  public synchronized ExecStream stream(long fromSequence) {
    openStreams++;
    return new Reader((int) Math.min(fromSequence, events.size()));
  }

  @Override
  public synchronized void cancel() {
    cancelled = true;
    exit(130, ExecEvent.Reason.CANCELLED);
  }

  @Override
  public synchronized void writeStdin(byte[] bytes, boolean endOfFile) {
    if (!request.stdinOpen()) {
      throw new PodflareException(ErrorCode.STDIN_CLOSED, "this call has no standard input");
    }
    stdin.append(new String(bytes, StandardCharsets.UTF_8)).append(endOfFile ? "<eof>" : "");
  }

  private synchronized void add(ExecEvent event) {
    events.add(event);
    notifyAll();
  }

  private Optional<ExecEvent.Exit> ending() {
    return !events.isEmpty() && events.getLast() instanceof ExecEvent.Exit exit
        ? Optional.of(exit)
        : Optional.empty();
  }

  private static long now() {
    return System.currentTimeMillis();
  }

  private final class Reader implements ExecStream {
    private int next;
    private boolean ended;
    private boolean closed;

    Reader(int next) {
      this.next = next;
    }

    @Override
    public Optional<ExecEvent> next(Duration wait) throws InterruptedException {
      synchronized (FakeExecution.this) {
        long deadline = System.nanoTime() + wait.toNanos();
        while (next >= events.size() && !ended) {
          long millis = (deadline - System.nanoTime()) / 1_000_000;
          if (millis <= 0) {
            return Optional.empty();
          }
          FakeExecution.this.wait(millis);
        }
        if (ended) {
          return Optional.empty();
        }
        ExecEvent event = events.get(next++);
        ended = event instanceof ExecEvent.Exit;
        return Optional.of(event);
      }
    }

    @Override
    public boolean ended() {
      synchronized (FakeExecution.this) {
        return ended;
      }
    }

    @Override
    public void close() {
      synchronized (FakeExecution.this) {
        if (!closed) {
          closed = true;
          openStreams--;
        }
      }
    }
  }
}
