package dev.podflare.qemu;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/**
 * How QEMU's block nodes stand on each other, as {@code x-debug-query-block-graph} tells it: the
 * only command that tells it for nodes without a drive. Immutable.
 *
 * @param children name of a node to the names of those that it uses, by what for
 */
record BlockGraph(Map<String, Map<String, String>> children) {
  private static final int MOST = 10_000;

  static BlockGraph parse(JsonNode answer) {
    Map<Long, String> names = new HashMap<>();
    Map<String, Map<String, String>> children = new HashMap<>();
    for (JsonNode node : answer.path("nodes")) {
      if (node.path("type").asString("").equals("block-driver")) {
        String name = node.path("name").asString("");
        names.put(node.path("id").asLong(), name);
        children.put(name, new HashMap<>());
      }
    }
    for (JsonNode edge : answer.path("edges")) {
      String parent = names.get(edge.path("parent").asLong());
      String child = names.get(edge.path("child").asLong());
      if (parent != null && child != null) {
        children
            .computeIfAbsent(parent, _ -> new HashMap<>())
            .put(edge.path("name").asString(""), child);
      }
    }
    return new BlockGraph(children);
  }

  /** The nodes that are named so, from the one right under {@code filter} downwards. */
  List<String> chain(String filter, Pattern names) {
    List<String> chain = new ArrayList<>();
    String node = child(filter, "file");
    while (names.matcher(node).matches() && chain.size() < MOST) {
      chain.add(node);
      node = child(node, "backing");
    }
    if (chain.isEmpty()) {
      throw new PodflareException(ErrorCode.MACHINE_FAILED, "the machine has no disk layer");
    }
    return chain;
  }

  /** Nodes that are named so and are not in the chain, each before those it stands on. */
  List<String> strays(Pattern names, List<String> chain) {
    Set<String> found =
        new TreeSet<>(
            Comparator.comparingInt(String::length).thenComparing(Comparator.naturalOrder()));
    children.keySet().stream()
        .filter(name -> names.matcher(name).matches() && !chain.contains(name))
        .forEach(found::add);
    return List.copyOf(found).reversed();
  }

  private String child(String node, String use) {
    return children.getOrDefault(node, Map.of()).getOrDefault(use, "");
  }
}
