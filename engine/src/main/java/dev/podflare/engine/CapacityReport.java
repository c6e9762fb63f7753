package dev.podflare.engine;

import java.util.Map;
import java.util.TreeMap;

/** Gathers the counters of {@link CapacityView}. Stateless. */
final class CapacityReport {
  private CapacityReport() {}

  static CapacityView of(
      Shapes shapes, Sandboxes sandboxes, Admission admission, EngineConfig config) {
    Map<String, CapacityView.Pool> pools = new TreeMap<>();
    for (ShapePool pool : shapes.ready()) {
      pools.merge(pool.shape().frozen().template().name(), pool.view(), CapacityReport::add);
    }
    long total = HostResources.totalMemory();
    long available = HostResources.availableMemory();
    long disk = HostResources.totalDisk(config.dataFolder());
    long free = HostResources.freeDisk(config.dataFolder());
    return new CapacityView(
        pools,
        sandboxes.count(),
        config.limits().sandboxes(),
        total - available,
        available,
        disk - free,
        free,
        admission.accepting());
  }

  private static CapacityView.Pool add(CapacityView.Pool one, CapacityView.Pool other) {
    return new CapacityView.Pool(
        one.ready() + other.ready(), one.target() + other.target(), one.blanks() + other.blanks());
  }
}
