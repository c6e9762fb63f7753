package dev.podflare.guest;

import dev.podflare.common.AwakeTime;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * What runs in a guest, and what listens there. Calls may throw {@code GUEST_TOO_OLD}, {@code
 * TIMED_OUT} and {@code MACHINE_FAILED}. Thread-safe.
 */
public final class GuestProcesses {
  /** Most that are listed. */
  public static final int MOST = 4096;

  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final int MOST_BYTES = 1 << 20;
  private static final int NO_OUTPUT = 4096;
  private static final int LONGEST_TEXT = 256;

  private record LineJson(
      long pid,
      long ppid,
      long uid,
      @Nullable String state,
      long cpu_ms,
      long rss,
      @Nullable String command) {
    GuestProcess read() {
      return new GuestProcess(
          Math.max(0, pid),
          Math.max(0, ppid),
          Math.max(0, uid),
          cut(state),
          Duration.ofMillis(Math.max(0, cpu_ms)),
          Math.max(0, rss),
          cut(command));
    }

    private static String cut(@Nullable String text) {
      String given = Objects.requireNonNullElse(text, "");
      return given.substring(0, Math.min(given.length(), LONGEST_TEXT));
    }
  }

  private final AgentChannel channel;
  private final ReentrantLock turn = new ReentrantLock();

  public GuestProcesses(AgentChannel channel) {
    this.channel = channel;
  }

  /** {@code truncated}: there are more. */
  public record Listing(List<GuestProcess> processes, boolean truncated) {
    public Listing {
      processes = List.copyOf(processes);
    }
  }

  /** Sends a question when that may be done. */
  public interface Sender {
    GuestExec send(Supplier<GuestExec> question);
  }

  /** As {@link #list(Duration, Sender)}, at once. */
  public Listing list(Duration patience) {
    return list(patience, Supplier::get);
  }

  /** All processes of the guest's users, by number. One at a time. */
  public Listing list(Duration patience, Sender sender) {
    long deadline = AwakeTime.nanos() + patience.toNanos();
    boolean mine = false;
    try {
      mine = turn.tryLock(patience.toNanos(), TimeUnit.NANOSECONDS);
      if (!mine) {
        throw new PodflareException(
            ErrorCode.TIMED_OUT, "others list this sandbox's processes; try again");
      }
      Answer answer = new Answer();
      GuestExec exec =
          sender.send(() -> channel.question(Map.of("do", "list"), MOST_BYTES, answer));
      String end = await(exec, answer.end, Duration.ofNanos(deadline - AwakeTime.nanos()));
      return new Listing(answer.lines(), end.equals("truncated"));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PodflareException(ErrorCode.SHUTTING_DOWN, "interrupted", e);
    } finally {
      if (mine) {
        turn.unlock();
      }
    }
  }

  /** Begins to wait until something listens on a TCP port; to be closed. */
  public PortWait awaitPort(int port) {
    Answer answer = new Answer();
    GuestExec exec = channel.question(Map.of("do", "port", "port", port), NO_OUTPUT, answer);
    return new PortWait(exec, answer.end.thenApply(GuestProcesses::addresses));
  }

  private static List<String> addresses(String text) {
    return Arrays.stream(text.split(" ", -1))
        .filter(it -> !it.isEmpty() && it.length() <= 45 && it.matches("[0-9a-f:.]+"))
        .toList();
  }

  /**
   * A wait that is under way.
   *
   * @param found addresses on which something listens; fails if the guest is lost
   */
  public record PortWait(GuestExec exec, CompletableFuture<List<String>> found)
      implements AutoCloseable {
    /** The guest looks no more. */
    @Override
    public void close() {
      if (!found.isDone()) {
        takeBack(exec);
      }
    }
  }

  private static String await(GuestExec exec, CompletableFuture<String> end, Duration patience)
      throws InterruptedException {
    try {
      return AwakeTime.get(end, patience);
    } catch (TimeoutException e) {
      takeBack(exec);
      throw new PodflareException(ErrorCode.TIMED_OUT, "the guest did not answer in time", e);
    } catch (ExecutionException e) {
      throw new PodflareException(ErrorCode.MACHINE_FAILED, "the guest is lost", e);
    }
  }

  private static void takeBack(GuestExec exec) {
    try {
      exec.signal(GuestSignal.KILL);
    } catch (PodflareException lost) {
      // Then it does not look either.
    }
  }

  /** Gathers what the guest says: no more than the call's window. */
  private static final class Answer implements ExecListener {
    private final ByteArrayOutputStream said = new ByteArrayOutputStream();
    private final CompletableFuture<String> end = new CompletableFuture<>();

    List<GuestProcess> lines() {
      List<GuestProcess> lines = new ArrayList<>();
      String text = said.toString(StandardCharsets.UTF_8);
      for (String line : text.split("\n", -1)) {
        if (!line.isEmpty() && lines.size() < MOST) {
          lines.add(read(line));
        }
      }
      return lines;
    }

    private static GuestProcess read(String line) {
      try {
        return Objects.requireNonNull(JSON.readValue(line, LineJson.class)).read();
      } catch (JacksonException | NullPointerException e) {
        throw new PodflareException(
            ErrorCode.MACHINE_FAILED, "the guest sent a bad list of processes", e);
      }
    }

    @Override
    public void output(GuestStream stream, byte[] bytes) {
      said.writeBytes(bytes);
    }

    @Override
    public void done(int code, DoneReason reason, Optional<String> message) {
      if (reason == DoneReason.EXITED) {
        end.complete(message.orElse(""));
      } else {
        lost();
      }
    }

    @Override
    public void lost() {
      end.completeExceptionally(
          new PodflareException(ErrorCode.MACHINE_FAILED, "the guest is not heard any more"));
    }
  }
}
