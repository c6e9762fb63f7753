package dev.podflare.qemu;

import dev.podflare.linux.PageRun;
import java.nio.file.Path;
import java.util.List;

/**
 * A machine that an earlier daemon has left running.
 *
 * @param id of the machine
 * @param pid of its QEMU
 * @param outerPid of the jail around it
 * @param uid its user number
 * @param added pages in which its memory image differs from the stored one
 * @param note what was written down of it last, by {@link Machine#note}
 */
public record Survivor(
    String id, long pid, long outerPid, int uid, List<PageRun> added, String note) {
  public Survivor {
    added = List.copyOf(added);
  }

  /**
   * Its memory image as a file, for as long as it runs. It is sealed, as all images are that
   * machines are restored over.
   */
  public Path image() {
    return Path.of("/proc", Long.toString(pid), "fd", Integer.toString(CommandLine.MEMORY_FD));
  }
}
