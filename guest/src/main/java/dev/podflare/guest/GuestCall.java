package dev.podflare.guest;

import dev.podflare.common.AwakeTime;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;

/** Runs code and waits for its end; for the platform's own short calls. */
public final class GuestCall implements ExecListener {
  /** Output beyond it is dropped. */
  private static final int MAX_OUTPUT = 1 << 20;

  private final ByteArrayOutputStream stdout = new ByteArrayOutputStream();
  private final ByteArrayOutputStream stderr = new ByteArrayOutputStream();
  private final CompletableFuture<Outcome> outcome = new CompletableFuture<>();
  private final CompletableFuture<GuestExec> exec = new CompletableFuture<>();

  private GuestCall() {}

  /** How a call ended. */
  public record Outcome(int code, DoneReason reason, String stdout, String stderr) {}

  /** Throws {@code TIMED_OUT} at the deadline (the code is killed) and when the guest is lost. */
  public static Outcome run(AgentChannel channel, ExecCommand command, Duration deadline) {
    GuestCall call = new GuestCall();
    GuestExec exec = channel.exec(command, call);
    call.exec.complete(exec);
    try {
      return AwakeTime.get(call.outcome, deadline);
    } catch (TimeoutException e) {
      exec.signal(GuestSignal.KILL);
      throw new PodflareException(
          ErrorCode.TIMED_OUT, "a call in the guest did not end within " + deadline, e);
    } catch (ExecutionException e) {
      throw new PodflareException(ErrorCode.MACHINE_FAILED, "the guest is lost", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "interrupted", e);
    }
  }

  @Override
  public void output(GuestStream stream, byte[] bytes) {
    ByteArrayOutputStream sink = stream == GuestStream.STDOUT ? stdout : stderr;
    sink.write(bytes, 0, Math.min(bytes.length, MAX_OUTPUT - sink.size()));
    exec.thenAccept(running -> running.acknowledge(bytes.length)).join();
  }

  @Override
  public void done(int code, DoneReason reason, Optional<String> message) {
    outcome.complete(
        new Outcome(
            code,
            reason,
            stdout.toString(StandardCharsets.UTF_8),
            stderr.toString(StandardCharsets.UTF_8)));
  }

  @Override
  public void lost() {
    outcome.completeExceptionally(new IllegalStateException("channel closed"));
  }
}
