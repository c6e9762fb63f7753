package dev.podflare.engine;

import java.time.Instant;
import java.util.List;

/**
 * A volume as it was when it was looked at.
 *
 * @param node that has what is in it
 * @param here whether that is this one; if not, it says nothing of bytes and files
 * @param bytes sum of its files' sizes
 * @param files files, folders and links
 * @param mountedIn sandboxes that have it mounted, frozen ones too
 */
public record VolumeView(
    String id,
    String name,
    String node,
    boolean here,
    long bytes,
    long files,
    long maxBytes,
    Instant createdAt,
    List<String> mountedIn) {
  public VolumeView {
    mountedIn = List.copyOf(mountedIn);
  }
}
