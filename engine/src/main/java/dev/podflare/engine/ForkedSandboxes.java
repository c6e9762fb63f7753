package dev.podflare.engine;

import java.util.List;
import java.util.Map;

/**
 * Answer to a fork.
 *
 * @param reseeded generators that were reseeded in every child: {@code python.random}, {@code
 *     numpy.random}
 * @param timings step to duration in milliseconds, in order; {@code start_blanks} is there only if
 *     machines were missing and had to be started
 * @param parentPaused how long the parent stood still, in milliseconds
 */
public record ForkedSandboxes(
    List<SandboxView> children,
    List<String> reseeded,
    Map<String, Double> timings,
    double parentPaused) {
  public ForkedSandboxes {
    children = List.copyOf(children);
    reseeded = List.copyOf(reseeded);
  }
}
