package dev.podflare.tests;

import dev.podflare.linux.Links;
import dev.podflare.linux.Nftables;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a daemon holds of its host.
 *
 * @param processes of its machines, and other children
 * @param networkNamespaces beside the host's
 * @param mounts that the host sees
 * @param descriptors of the daemon, by kind
 * @param files in data folder and run folder; names of machines are left out of paths
 */
record HostState(
    int processes,
    int controlGroups,
    int networkNamespaces,
    int mounts,
    Map<String, Integer> descriptors,
    Set<String> files) {

  static HostState of(DaemonProcess daemon) {
    long pid = daemon.process.pid();
    Set<Long> processes = processes(daemon.data);
    daemon.process.descendants().forEach(child -> processes.add(child.pid()));
    Set<String> files = new TreeSet<>();
    count(daemon.data, files);
    count(runFolder(daemon.data), files);
    return new HostState(
        processes.size(),
        controlGroups(daemon.data).size(),
        networkNamespaces(processes),
        mounts(daemon.data),
        descriptors(Path.of("/proc/" + pid + "/fd")),
        files);
  }

  /** Without a daemon: what is left of it. */
  static Set<String> leftovers(Path data) {
    Set<String> left = leftoversBesideNetworks(data);
    left.addAll(networks(data));
    return left;
  }

  /** The same of a daemon whose host is another namespace. */
  static Set<String> leftovers(Path data, TestInternet internet) {
    Set<String> left = leftoversBesideNetworks(data);
    left.addAll(internet.onHost(() -> networks(data)));
    return left;
  }

  private static Set<String> leftoversBesideNetworks(Path data) {
    Set<String> left = new TreeSet<>();
    processes(data).forEach(pid -> left.add("process " + pid));
    controlGroups(data).forEach(group -> left.add("cgroup " + group));
    list(runFolder(data)).forEach(file -> left.add("run " + file));
    list(data.resolve("machines")).forEach(folder -> left.add("machine " + folder));
    list(data.resolve("undo")).forEach(folder -> left.add("undo " + folder));
    return left;
  }

  /** Links, tables and namespaces of the daemon's guests' networks, in the thread's namespace. */
  private static Set<String> networks(Path data) {
    String instance = instance(data);
    Set<String> parts = new TreeSet<>();
    try (Links links = Links.open();
        Nftables nftables = Nftables.open()) {
      links.all().stream()
          .map(Links.Link::name)
          .filter(name -> name.startsWith("pf" + instance))
          .forEach(parts::add);
      nftables
          .run("list tables")
          .lines()
          .filter(table -> table.contains(instance))
          .forEach(parts::add);
    }
    list(Path.of("/run/podflare/network", instance)).forEach(slot -> parts.add("slot " + slot));
    return parts.stream().map(part -> "network " + part).collect(Collectors.toSet());
  }

  /** Eight digits that stand for a data folder, as the engine makes them. */
  static String instance(Path data) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256")
              .digest(data.toRealPath().toString().getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest, 0, 4);
    } catch (IOException | NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }

  static Path runFolder(Path data) {
    return Path.of("/run/podflare", instance(data));
  }

  /** Processes in the control groups of the daemon's machines. */
  static Set<Long> processes(Path data) {
    Set<Long> pids = new TreeSet<>();
    for (Path group : controlGroups(data)) {
      try {
        Files.readAllLines(group.resolve("cgroup.procs"))
            .forEach(line -> pids.add(Long.parseLong(line.strip())));
      } catch (IOException gone) {
        // Removed meanwhile.
      }
    }
    return pids;
  }

  /** Of machines, in every hierarchy. */
  private static Set<Path> controlGroups(Path data) {
    Set<Path> groups = new TreeSet<>();
    Path mount = Path.of("/sys/fs/cgroup");
    for (Path hierarchy : Stream.concat(Stream.of(mount), list(mount).stream()).toList()) {
      Path ours = hierarchy.resolve("podflare").resolve(instance(data));
      list(ours).stream().filter(Files::isDirectory).forEach(groups::add);
    }
    return groups;
  }

  private static Map<String, Integer> descriptors(Path folder) {
    Map<String, Integer> kinds = new TreeMap<>();
    for (Path descriptor : list(folder)) {
      try {
        String target = Files.readSymbolicLink(descriptor).toString();
        if (!target.endsWith(".jar")) { // Java opens each when it first needs it
          // A pool of at most four readers, which grows when two of them meet.
          int most = target.contains("podflare.db") ? 1 : Integer.MAX_VALUE;
          String kind = target.replaceAll("mch_[0-9a-f]+", "mch").replaceAll("\\d+", "#");
          kinds.merge(kind, 1, (sum, one) -> Math.min(most, sum + one));
        }
      } catch (IOException closed) {
        // Closed meanwhile.
      }
    }
    return kinds;
  }

  private static int networkNamespaces(Set<Long> processes) {
    Set<Path> spaces = new TreeSet<>();
    for (long pid : processes) {
      try {
        spaces.add(Files.readSymbolicLink(Path.of("/proc/" + pid + "/ns/net")));
      } catch (IOException gone) {
        // Ended meanwhile.
      }
    }
    return spaces.size();
  }

  private static void count(Path folder, Set<String> files) {
    for (Path file : list(folder)) {
      String name = file.toString().replaceAll("mch_[0-9a-f]+", "mch");
      files.add(name.replaceAll("/layer-\\d+", "/layer"));
      if (Files.isDirectory(file)) {
        count(file, files);
      }
    }
  }

  /** Of this daemon: others on the host have slots of their own. */
  private static int mounts(Path data) {
    String slots = "/run/podflare/network/" + instance(data);
    try (Stream<String> mounts = Files.lines(Path.of("/proc/self/mountinfo"))) {
      return (int) mounts.filter(it -> it.contains(slots) || it.contains(data.toString())).count();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static Set<Path> list(Path folder) {
    try (Stream<Path> entries = Files.list(folder)) {
      return new TreeSet<>(entries.toList());
    } catch (FileSystemException gone) {
      return Set.of();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
