package dev.podflare.linux;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;

/** What {@code /proc} tells of a process. Stateless. */
public final class ProcFs {
  private ProcFs() {}

  /** A mapping of a process: addresses are bytes. */
  public record Mapping(long start, long end, String name) {
    public long length() {
      return end - start;
    }
  }

  /** The mapping whose name contains {@code part} and whose length is {@code length} bytes. */
  public static Mapping mapping(long pid, String part, long length) {
    for (String line : lines(pid, "maps")) {
      if (line.contains(part)) {
        int dash = line.indexOf('-');
        int space = line.indexOf(' ');
        Mapping mapping =
            new Mapping(
                Long.parseUnsignedLong(line.substring(0, dash), 16),
                Long.parseUnsignedLong(line.substring(dash + 1, space), 16),
                line.substring(line.lastIndexOf(' ') + 1));
        if (mapping.length() == length) {
          return mapping;
        }
      }
    }
    throw new PodflareException(
        ErrorCode.MACHINE_FAILED, "process " + pid + " has no mapping of " + part);
  }

  /** Start of the process in clock ticks after boot; with the pid it names a process for good. */
  public static OptionalLong startTicks(long pid) {
    try {
      return OptionalLong.of(Long.parseLong(statFields(pid)[19]));
    } catch (PodflareException gone) {
      return OptionalLong.empty();
    }
  }

  /** A line of {@code /proc/PID/status}, without its name. */
  public static Optional<String> status(long pid, String field) {
    return valueOf(pid, "status", field);
  }

  /** A size of {@code /proc/PID/smaps_rollup}, for example {@code Pss}, in bytes. */
  public static long memory(long pid, String field) {
    String value =
        valueOf(pid, "smaps_rollup", field)
            .orElseThrow(
                () -> new PodflareException(ErrorCode.INTERNAL, "no " + field + " of " + pid));
    return Long.parseLong(value.replace("kB", "").strip()) << 10;
  }

  private static Optional<String> valueOf(long pid, String file, String field) {
    for (String line : lines(pid, file)) {
      if (line.startsWith(field + ":")) {
        return Optional.of(line.substring(field.length() + 1).strip());
      }
    }
    return Optional.empty();
  }

  /** Fields of {@code /proc/PID/stat} behind the name, which may itself hold spaces. */
  private static String[] statFields(long pid) {
    String line = String.join("", lines(pid, "stat"));
    return line.substring(line.lastIndexOf(')') + 2).split(" ", -1);
  }

  private static java.util.List<String> lines(long pid, String file) {
    try {
      return Files.readAllLines(Path.of("/proc", Long.toString(pid), file));
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.MACHINE_FAILED, "process " + pid + " is gone (" + file + ")", e);
    }
  }
}
