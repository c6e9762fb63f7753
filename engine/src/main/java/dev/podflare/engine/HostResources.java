package dev.podflare.engine;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Memory and disk of this host, bytes, as the kernel tells them now. A folder's space is asked for
 * as that of a {@code File}: a {@code FileStore} reads the host's whole list of mounts to be found.
 * Stateless.
 */
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
    long total = folder.toFile().getTotalSpace();
    if (total == 0) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot tell the space of " + folder);
    }
    return total;
  }

  /** 0 also where there is no such folder. */
  static long freeDisk(Path folder) {
    return folder.toFile().getUsableSpace();
  }

  private static long memory(String field) {
    try {
      return kibibytes(Files.readString(MEMINFO), field) << 10;
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "cannot read " + MEMINFO, e);
    }
  }

  private static long kibibytes(String meminfo, String field) {
    int start = meminfo.indexOf(field);
    int end = meminfo.indexOf(" kB", start);
    if (start < 0 || end < 0) {
      throw new PodflareException(ErrorCode.INTERNAL, MEMINFO + " says no " + field);
    }
    return Long.parseLong(meminfo.substring(start + field.length(), end).strip());
  }
}
