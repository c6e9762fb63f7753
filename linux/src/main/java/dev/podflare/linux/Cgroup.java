package dev.podflare.linux;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.Stream;

/**
 * One control group of a machine, in every hierarchy that limits it. Thread-safe.
 *
 * @param folders its folder in each hierarchy: one on cgroup v2, several on v1
 */
public record Cgroup(String name, List<Path> folders) {
  public Cgroup {
    folders = List.copyOf(folders);
  }

  /** The files that a process must write its pid to in order to join. */
  public List<Path> joinFiles() {
    return folders.stream().map(folder -> folder.resolve("cgroup.procs")).toList();
  }

  /** Pids of all processes in the group. */
  public List<Long> processes() {
    List<Long> pids = new ArrayList<>();
    for (Path file : joinFiles()) {
      try {
        for (String line : Files.readAllLines(file)) {
          long pid = Long.parseLong(line.strip());
          if (!pids.contains(pid)) {
            pids.add(pid);
          }
        }
      } catch (IOException gone) {
        // The group was removed: it has no processes.
      }
    }
    return pids;
  }

  /** Kills all processes in it, waits for their end and removes the group. Idempotent. */
  public void kill(Duration deadline) {
    long end = System.nanoTime() + deadline.toNanos();
    while (true) {
      List<Long> pids = processes();
      if (pids.isEmpty() && tryRemove()) {
        return;
      }
      pids.forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
      if (System.nanoTime() > end) {
        throw new PodflareException(
            ErrorCode.TIMED_OUT, "cgroup " + name + " still has processes " + pids);
      }
      try {
        Thread.sleep(2);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new PodflareException(ErrorCode.TIMED_OUT, "interrupted while killing " + name, e);
      }
    }
  }

  private boolean tryRemove() {
    boolean all = true;
    for (Path folder : folders) {
      try {
        Files.deleteIfExists(folder);
      } catch (IOException busy) {
        all = false;
      }
    }
    return all;
  }

  /** CPU time used by all processes of the group so far, in milliseconds; 0 when it is gone. */
  public long cpuMillis() {
    for (Path folder : folders) {
      try {
        Path v1 = folder.resolve("cpuacct.usage");
        if (Files.exists(v1)) {
          return Long.parseLong(Files.readString(v1).strip()) / 1_000_000;
        }
        Path v2 = folder.resolve("cpu.stat"); // on v1 there is such a file too, without usage
        if (Files.exists(v2)) {
          OptionalLong usage = usageMicros(v2);
          if (usage.isPresent()) {
            return usage.getAsLong() / 1000;
          }
        }
      } catch (IOException gone) {
        return 0;
      }
    }
    return 0;
  }

  private static OptionalLong usageMicros(Path file) throws IOException {
    try (Stream<String> lines = Files.lines(file)) {
      return lines
          .filter(line -> line.startsWith("usage_usec "))
          .mapToLong(line -> Long.parseLong(line.substring(11)))
          .findFirst();
    }
  }
}
