package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** What an execution has beside the rest if it is a process: its start and its end. Thread-safe. */
final class ProcessPart {
  private final String command;
  private final CompletableFuture<Integer> pid = new CompletableFuture<>();
  private final CompletableFuture<ExecEvent.Exit> end = new CompletableFuture<>();

  ProcessPart(String command) {
    this.command = command;
  }

  void started(int number) {
    boolean ignored = pid.complete(number);
  }

  /** It has ended before it began. */
  void failed(String why) {
    boolean ignored =
        pid.completeExceptionally(
            new PodflareException(
                ErrorCode.INVALID_FIELD,
                "cannot start '" + command + "': " + why,
                Map.of("field", "argv")));
  }

  void lost() {
    boolean ignored =
        pid.completeExceptionally(
            new PodflareException(ErrorCode.MACHINE_FAILED, "the guest is not heard any more"));
  }

  void ended(ExecEvent.Exit exit) {
    boolean ignored = end.complete(exit);
  }

  CompletableFuture<ExecEvent.Exit> end() {
    return end;
  }

  boolean hasStarted() {
    return pid.isDone() && !pid.isCompletedExceptionally();
  }

  /** 0: it has not started. */
  int pid() {
    return hasStarted() ? pid.getNow(0) : 0;
  }

  /** Waits until it runs. {@code INVALID_FIELD} if it cannot start. */
  void awaitStart(Duration patience) {
    try {
      int ignored = pid.get(patience.toNanos(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof PodflareException refused
          ? refused
          : new PodflareException(ErrorCode.INTERNAL, "a process failed to start", e);
    } catch (TimeoutException e) {
      throw new PodflareException(
          ErrorCode.TIMED_OUT, "the guest has not started a process within " + patience, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "interrupted", e);
    }
  }
}
