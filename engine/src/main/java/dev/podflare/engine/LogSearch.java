package dev.podflare.engine;

import dev.podflare.common.AwakeTime;
import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Looks for a line in what a process says, line by line in each of its two streams. A line that has
 * not ended is looked at when nothing more is there at the moment, since it may be a prompt. One
 * thread.
 */
final class LogSearch {
  /** Longer lines are looked at in pieces: what one look costs is bounded. */
  private static final int LONGEST_LINE = 16 << 10;

  private final LogWish wish;
  private final LogPattern pattern;
  private final Lines stdout = new Lines(ExecEvent.Stream.STDOUT);
  private final Lines stderr = new Lines(ExecEvent.Stream.STDERR);

  LogSearch(LogWish wish) {
    this.wish = wish;
    this.pattern = LogPattern.of(wish);
  }

  /** {@code process}: for messages. The stream is the caller's to close. */
  LogMatch run(ExecStream stream, String process) throws InterruptedException {
    long deadline = AwakeTime.nanos() + wish.patience().toNanos();
    while (true) {
      Optional<ExecEvent> event = stream.next(Duration.ZERO);
      Optional<LogMatch> match = event.isPresent() ? take(event.get()) : unfinished();
      if (match.isPresent()) {
        return match.get();
      }
      if (stream.ended()) {
        throw ended(event, process);
      }
      long left = deadline - AwakeTime.nanos();
      if (left <= 0) {
        throw new PodflareException(
            ErrorCode.TIMED_OUT,
            "process "
                + process
                + " has not said that within "
                + wish.patience().toMillis()
                + " ms",
            Map.of("process_id", process));
      }
      if (event.isEmpty()) {
        Optional<ExecEvent> next = stream.next(Duration.ofNanos(left));
        match = next.flatMap(this::take);
        if (match.isPresent()) {
          return match.get();
        }
        if (stream.ended()) {
          throw ended(next, process);
        }
      }
    }
  }

  private static PodflareException ended(Optional<ExecEvent> last, String process) {
    return last.orElse(null) instanceof ExecEvent.Exit exit
        ? LocalProcess.ended(process, exit)
        : new PodflareException(ErrorCode.PROCESS_ENDED, "process " + process + " has ended");
  }

  private Optional<LogMatch> take(ExecEvent event) {
    return switch (event) {
      case ExecEvent.Output output -> {
        Lines lines = output.stream() == ExecEvent.Stream.STDOUT ? stdout : stderr;
        yield lines.add(output);
      }
      case ExecEvent.Skipped _ -> {
        stdout.rest.reset();
        stderr.rest.reset();
        yield Optional.empty();
      }
      case ExecEvent.Exit _ -> unfinished();
      case ExecEvent.Started _, ExecEvent.Result _ -> Optional.empty();
    };
  }

  private Optional<LogMatch> unfinished() {
    return stdout.unfinished().or(stderr::unfinished);
  }

  private final class Lines {
    private final ExecEvent.Stream stream;
    private final ByteArrayOutputStream rest = new ByteArrayOutputStream();
    private long sequence;
    private int looked;

    Lines(ExecEvent.Stream stream) {
      this.stream = stream;
    }

    Optional<LogMatch> add(ExecEvent.Output output) {
      sequence = output.sequence();
      byte[] bytes = output.bytes();
      int start = 0;
      for (int i = 0; i < bytes.length; i++) {
        boolean ends = bytes[i] == '\n';
        if (ends || rest.size() + i - start >= LONGEST_LINE) {
          rest.write(bytes, start, i - start);
          start = ends ? i + 1 : i;
          Optional<LogMatch> match = look(take());
          if (match.isPresent()) {
            return match;
          }
        }
      }
      rest.write(bytes, start, bytes.length - start);
      return Optional.empty();
    }

    private String take() {
      String line = rest.toString(StandardCharsets.UTF_8);
      rest.reset();
      looked = 0;
      return line.endsWith("\r") ? line.substring(0, line.length() - 1) : line;
    }

    Optional<LogMatch> unfinished() {
      if (rest.size() == looked) {
        return Optional.empty();
      }
      looked = rest.size();
      return look(rest.toString(StandardCharsets.UTF_8));
    }

    private Optional<LogMatch> look(String line) {
      Optional<List<String>> groups = pattern.find(line);
      return groups.map(it -> new LogMatch(sequence, stream, line, it));
    }
  }
}
