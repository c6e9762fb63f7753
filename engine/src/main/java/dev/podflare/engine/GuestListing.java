package dev.podflare.engine;

import dev.podflare.guest.GuestProcess;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * What runs in a guest.
 *
 * @param truncated there are more than these
 */
public record GuestListing(List<Entry> processes, boolean truncated) {
  public GuestListing {
    processes = List.copyOf(processes);
  }

  /**
   * A process, as the guest's kernel tells it.
   *
   * @param state the kernel's letter, {@code R} for one that runs
   * @param cpu processor time so far
   * @param residentBytes of memory that it has
   * @param command program and arguments, cut to 256 characters
   * @param id of the started process whose first one it is
   */
  public record Entry(
      long pid,
      long ppid,
      long uid,
      String state,
      Duration cpu,
      long residentBytes,
      String command,
      Optional<String> id) {
    static Entry of(GuestProcess process, Optional<String> id) {
      return new Entry(
          process.pid(),
          process.ppid(),
          process.uid(),
          process.state(),
          process.cpu(),
          process.residentBytes(),
          process.command(),
          id);
    }
  }
}
