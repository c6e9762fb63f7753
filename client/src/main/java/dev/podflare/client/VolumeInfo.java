package dev.podflare.client;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * A volume as the server saw it.
 *
 * @param node that has what is in it
 * @param bytes sum of its files' sizes; empty if it is on another node than was asked
 * @param files files, folders and links
 * @param mountedIn sandboxes that have it mounted, frozen ones too
 */
public record VolumeInfo(
    String id,
    String name,
    String node,
    Optional<Long> bytes,
    Optional<Long> files,
    long maxBytes,
    Optional<Instant> createdAt,
    List<String> mountedIn) {
  public VolumeInfo {
    mountedIn = mountedIn == null ? List.of() : List.copyOf(mountedIn);
  }
}
