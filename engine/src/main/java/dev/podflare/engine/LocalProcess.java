package dev.podflare.engine;

import dev.podflare.common.AwakeTime;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/**
 * A process for those outside. What it does to the guest it does to one that runs, which may have
 * been woken for it. Thread-safe.
 *
 * @param seen as it was found
 * @param awake finds it again, in a sandbox that runs
 * @param now finds it again, and wakes nothing
 */
record LocalProcess(
    LocalExecution seen, Supplier<LocalExecution> awake, Supplier<LocalExecution> now)
    implements SandboxProcess {
  @Override
  public String id() {
    return seen.id();
  }

  @Override
  public ProcessView view() {
    return seen.processView().orElseThrow();
  }

  @Override
  public void signal(int number, boolean group) {
    awake.get().signal(number, group);
  }

  @Override
  public ProcessView await(Duration patience) throws InterruptedException {
    long deadline = AwakeTime.nanos() + patience.toNanos();
    LocalExecution waitedFor = seen;
    while (true) {
      Duration left = Duration.ofNanos(Math.max(0, deadline - AwakeTime.nanos()));
      try {
        ExecEvent.Exit exit = AwakeTime.get(waitedFor.exit(), left);
        LocalExecution again = exit.reason() == ExecEvent.Reason.SANDBOX_CLOSED ? now.get() : seen;
        if (exit.reason() != ExecEvent.Reason.SANDBOX_CLOSED || again == waitedFor) {
          return waitedFor.processView().orElseThrow();
        }
        waitedFor = again;
      } catch (TimeoutException stillRunning) {
        return waitedFor.processView().orElseThrow();
      } catch (ExecutionException never) {
        throw new PodflareException(ErrorCode.INTERNAL, "waiting for a process failed", never);
      }
    }
  }

  @Override
  public void writeStdin(byte[] bytes, boolean endOfFile) {
    awake.get().writeStdin(bytes, endOfFile);
  }

  @Override
  public ExecStream log(long fromSequence) {
    return seen.stream(fromSequence);
  }

  @Override
  public LogMatch awaitLine(LogWish wish) throws InterruptedException {
    LogSearch search = new LogSearch(wish);
    try (ExecStream stream = seen.stream(wish.fromSequence())) {
      return search.run(stream, id());
    }
  }

  @Override
  public void end() {
    if (!seen.ended()) {
      awake.get().cancel();
    }
  }

  /** Says how it has ended. */
  static PodflareException ended(String process, ExecEvent.Exit exit) {
    Map<String, Object> details = new LinkedHashMap<>();
    details.put("process_id", process);
    details.put("exit_code", exit.code());
    details.put("reason", exit.reason().name().toLowerCase(Locale.ROOT));
    return new PodflareException(
        ErrorCode.PROCESS_ENDED,
        "process " + process + " has ended with exit code " + exit.code(),
        details);
  }
}
