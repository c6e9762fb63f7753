package dev.podflare.engine;

import java.util.Map;

/** Counters for routers and dashboards; sizes in bytes. */
public record CapacityView(
    Map<String, Pool> templates,
    int sandboxes,
    int maxSandboxes,
    long memoryUsedBytes,
    long memoryFreeBytes,
    long diskUsedBytes,
    long diskFreeBytes,
    boolean accepting) {

  /** Warm pool of a template: members ready to be handed out, and how many are wanted. */
  public record Pool(int ready, int target, int blanks) {}
}
