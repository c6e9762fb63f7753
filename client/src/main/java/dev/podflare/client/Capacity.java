package dev.podflare.client;

import java.util.Map;

/** Counters of a server; sizes in bytes. */
public record Capacity(
    Map<String, Pool> templates,
    int sandboxes,
    int maxSandboxes,
    long memoryUsedBytes,
    long memoryFreeBytes,
    long diskUsedBytes,
    long diskFreeBytes,
    boolean accepting) {
  public Capacity {
    templates = templates == null ? Map.of() : Map.copyOf(templates);
  }

  /** Warm pool of a template: members ready to be handed out, and how many are wanted. */
  public record Pool(int ready, int target, int blanks) {}
}
