package dev.podflare.client;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** The wire's answer to a fork; an older server tells the children only. */
record ForkAnswer(
    List<String> children,
    Optional<List<String>> reseeded,
    Optional<Map<String, Double>> timingsMs,
    Optional<Double> parentPausedMs) {

  Forked forked(Function<String, Sandbox> handle) {
    return new Forked(
        children.stream().map(handle).toList(),
        reseeded.orElse(List.of()),
        timingsMs.orElse(Map.of()),
        parentPausedMs.orElse(0.0));
  }
}
