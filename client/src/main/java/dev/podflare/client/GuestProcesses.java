package dev.podflare.client;

import java.util.List;

/**
 * What runs in a guest.
 *
 * @param processes those that were started through the server, newest first, ended ones among them
 * @param guest all of its users', by number
 * @param truncated there are more than are in {@code guest}
 */
public record GuestProcesses(
    List<ProcessInfo> processes, List<GuestProcessInfo> guest, boolean truncated) {
  public GuestProcesses {
    processes = List.copyOf(processes);
    guest = List.copyOf(guest);
  }
}
