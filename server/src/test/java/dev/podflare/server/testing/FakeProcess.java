package dev.podflare.server.testing;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.engine.ExecEvent;
import dev.podflare.engine.ExecRequest;
import dev.podflare.engine.ExecStream;
import dev.podflare.engine.ExecutionView;
import dev.podflare.engine.LogMatch;
import dev.podflare.engine.LogWish;
import dev.podflare.engine.ProcessRequest;
import dev.podflare.engine.ProcessView;
import dev.podflare.engine.SandboxProcess;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** A process that does what the test says. Thread-safe. */
public final class FakeProcess implements SandboxProcess {
  private final ProcessRequest request;
  private final FakeExecution execution;
  private final List<String> signals = new CopyOnWriteArrayList<>();
  private volatile @Nullable LogWish lastWish;

  FakeProcess(String id, ProcessRequest request) {
    this.request = request;
    this.execution =
        new FakeExecution(
            id,
            new ExecRequest(
                "",
                ExecRequest.Language.BASH,
                ExecRequest.Framing.CHUNKS,
                Optional.empty(),
                Optional.empty(),
                Map.of(),
                Optional.empty(),
                request.stdinOpen(),
                true,
                false,
                Optional.empty()));
  }

  public ProcessRequest request() {
    return request;
  }

  /** Its output, input and end. */
  public FakeExecution execution() {
    return execution;
  }

  /** As number and {@code group} or {@code one}. */
  public List<String> signals() {
    return List.copyOf(signals);
  }

  public LogWish lastWish() {
    LogWish last = lastWish;
    if (last == null) {
      throw new IllegalStateException("nothing was waited for");
    }
    return last;
  }

  @Override
  public String id() {
    return execution.id();
  }

  @Override
  public ProcessView view() {
    ExecutionView view = execution.view();
    return new ProcessView(
        id(),
        77,
        request.name(),
        request.command(),
        view.state() != ExecutionView.State.ENDED,
        Instant.EPOCH,
        view.endedAt(),
        view.exitCode(),
        view.reason(),
        request.stdinOpen(),
        request.keepsAwake(),
        0,
        execution.events().size());
  }

  @Override
  public void signal(int number, boolean group) {
    requireRunning();
    signals.add(number + (group ? " group" : " one"));
  }

  private void requireRunning() {
    if (!view().running()) {
      throw new PodflareException(ErrorCode.PROCESS_ENDED, "process " + id() + " has ended");
    }
  }

  @Override
  public ProcessView await(Duration patience) throws InterruptedException {
    long deadline = System.nanoTime() + patience.toNanos();
    try (ExecStream stream = execution.stream(0)) {
      while (!stream.ended() && System.nanoTime() < deadline) {
        Optional<ExecEvent> ignored =
            stream.next(Duration.ofNanos(Math.max(0, deadline - System.nanoTime())));
      }
    }
    return view();
  }

  @Override
  public void writeStdin(byte[] bytes, boolean endOfFile) {
    execution.writeStdin(bytes, endOfFile);
  }

  @Override
  public ExecStream log(long fromSequence) {
    return execution.stream(fromSequence);
  }

  @Override
  public LogMatch awaitLine(LogWish wish) {
    lastWish = wish;
    if (wish.pattern().equals("never")) {
      throw new PodflareException(ErrorCode.TIMED_OUT, "it has not said that");
    }
    return new LogMatch(4, ExecEvent.Stream.STDERR, "a line", List.of("line"));
  }

  @Override
  public void end() {
    execution.cancel();
  }
}
