package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Memory and disk of this host, bytes, as the kernel tells them now. Stateless. */
final class HostResources {
  private static final Path MEMINFO = Path.of("/proc/meminfo");

  private HostResources() {}

  static long totalMemory() {
    return memory("MemTotal:");
  }

  /** What can be had without swapping. */
  static long availableMemory() {
    return memory("MemAvailable:");
  }

  static long totalDisk(Path folder) {
    return disk(folder, true);
  }

  static long freeDisk(Path folder) {
    return disk(folder, false);
  }

  private static long disk(Path folder, boolean total) {
    try {
      var store = Files.getFileStore(folder);
      return total ? store.getTotalSpace() : store.getUsableSpace();
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot tell the space of " + folder, e);
    }
  }

  private static long memory(String field) {
    try (var lines = Files.lines(MEMINFO)) {
      return lines
          .filter(line -> line.startsWith(field))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
          .findFirst()
          .orElseThrow();
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot read " + MEMINFO, e);
    }
  }
}
