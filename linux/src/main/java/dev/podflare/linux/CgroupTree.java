package dev.podflare.linux;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The folder of control groups of one daemon, {@code podflare/INSTANCE}, on cgroup v2 or on the v1
 * hierarchies memory, cpu, cpuacct and pids. Limits are set before a process joins. Thread-safe.
 */
public final class CgroupTree {
  private static final List<String> V1 = List.of("pids", "memory", "cpu", "cpuacct");
  private static final String OURS = "podflare";
  private static final long CPU_PERIOD_MICROS = 100_000;

  private final List<Path> roots;
  private final boolean unified;

  private CgroupTree(List<Path> roots, boolean unified) {
    this.roots = List.copyOf(roots);
    this.unified = unified;
  }

  /**
   * Limits of one machine.
   *
   * @param memoryBytes most memory, bytes
   * @param cpus most CPU time a second, in cores
   * @param processes most processes and threads
   */
  public record Limits(long memoryBytes, double cpus, int processes) {}

  /** Opens (and makes) the tree of {@code instance} below the host's {@code /sys/fs/cgroup}. */
  public static CgroupTree open(String instance) {
    return open(Path.of("/sys/fs/cgroup"), instance);
  }

  static CgroupTree open(Path mount, String instance) {
    if (Files.exists(mount.resolve("cgroup.controllers"))) {
      Path ours = mount.resolve(OURS);
      enableControllers(mount);
      make(ours);
      enableControllers(ours);
      Path root = ours.resolve(instance);
      make(root);
      enableControllers(root);
      return new CgroupTree(List.of(root), true);
    }
    List<Path> roots = new ArrayList<>();
    for (String controller : V1) {
      Path hierarchy = mount.resolve(controller);
      if (Files.isDirectory(hierarchy)) {
        Path root = hierarchy.resolve(OURS).resolve(instance);
        make(root);
        roots.add(root);
      }
    }
    if (roots.isEmpty()) {
      throw new PodflareException(
          ErrorCode.HOST_NOT_READY,
          "no control groups below " + mount + "; mount cgroup2 there or the v1 hierarchies " + V1);
    }
    return new CgroupTree(roots, false);
  }

  /** What the host offers, for {@code doctor}: {@code v2} or {@code v1 (memory, …)}. */
  public String description() {
    return unified
        ? "v2"
        : "v1 (" + String.join(", ", roots.stream().map(CgroupTree::controllerOf).toList()) + ")";
  }

  /** Makes a group with its limits. */
  public Cgroup create(String name, Limits limits) {
    Cgroup group = group(name);
    for (Path folder : group.folders()) {
      make(folder);
      settings(folder, limits)
          .forEach((file, value) -> {
            try {
              Files.writeString(folder.resolve(file), value);
            } catch (IOException e) {
              throw new PodflareException(
                  ErrorCode.HOST_NOT_READY,
                  "cannot limit a machine: writing " + value + " to " + folder + "/" + file,
                  e);
            }
          });
    }
    return group;
  }

  /** The group of that name, whether it exists or not. */
  public Cgroup find(String name) {
    return group(name);
  }

  /** All groups that exist, also those that an earlier daemon left. */
  public List<Cgroup> groups() {
    List<String> names = new ArrayList<>();
    for (Path root : roots) {
      try (Stream<Path> children = Files.list(root)) {
        children
            .filter(Files::isDirectory)
            .map(child -> child.getFileName().toString())
            .filter(name -> !names.contains(name))
            .forEach(names::add);
      } catch (IOException gone) {
        // The tree was removed meanwhile.
      }
    }
    return names.stream().map(this::group).toList();
  }

  /** Removes the instance's own (empty) folders. */
  public void remove() {
    for (Path root : roots) {
      try {
        Files.deleteIfExists(root);
        Path ours = root.getParent();
        if (ours != null) {
          Files.deleteIfExists(ours);
        }
      } catch (IOException stillUsed) {
        // Another daemon of this host has groups there.
      }
    }
  }

  private Cgroup group(String name) {
    return new Cgroup(name, roots.stream().map(root -> root.resolve(name)).toList());
  }

  private Map<String, String> settings(Path folder, Limits limits) {
    long quota = Math.max(1000, Math.round(limits.cpus() * CPU_PERIOD_MICROS));
    Map<String, String> files = new TreeMap<>();
    if (unified) {
      files.put("memory.max", Long.toString(limits.memoryBytes()));
      files.put("cpu.max", quota + " " + CPU_PERIOD_MICROS);
      files.put("pids.max", Integer.toString(limits.processes()));
      return files;
    }
    switch (controllerOf(folder.getParent())) {
      case "memory" -> files.put("memory.limit_in_bytes", Long.toString(limits.memoryBytes()));
      case "cpu" -> files.put("cpu.cfs_quota_us", Long.toString(quota));
      case "pids" -> files.put("pids.max", Integer.toString(limits.processes()));
      default -> {
        // cpuacct only counts.
      }
    }
    return files;
  }

  private static String controllerOf(@org.jspecify.annotations.Nullable Path root) {
    Path ours = root == null ? null : root.getParent();
    Path hierarchy = ours == null ? null : ours.getParent();
    Path name = hierarchy == null ? null : hierarchy.getFileName();
    return name == null ? "" : name.toString();
  }

  private static void enableControllers(Path folder) {
    for (String controller : List.of("memory", "cpu", "pids")) {
      try {
        Files.writeString(folder.resolve("cgroup.subtree_control"), "+" + controller);
      } catch (IOException alreadyOrRefused) {
        // Shows when a limit is set, with the file's name.
      }
    }
  }

  private static void make(Path folder) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new PodflareException(
          ErrorCode.HOST_NOT_READY, "cannot make control group " + folder + "; run as root", e);
    }
  }
}
