package dev.podflare.client;

import java.util.List;
import java.util.Map;

/**
 * Answer to a fork.
 *
 * @param reseeded generators that were reseeded in every child
 * @param timingsMs step to duration in milliseconds
 * @param parentPausedMs how long the parent stood still, in milliseconds
 */
public record Forked(
    List<Sandbox> children,
    List<String> reseeded,
    Map<String, Double> timingsMs,
    double parentPausedMs) {
  public Forked {
    children = List.copyOf(children);
    reseeded = List.copyOf(reseeded);
  }
}
