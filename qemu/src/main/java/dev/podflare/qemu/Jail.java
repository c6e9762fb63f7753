package dev.podflare.qemu;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.linux.Cgroup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The cage every QEMU runs in: bubblewrap gives it mount, pid, ipc, uts and network namespaces of
 * its own with only the files it needs, setpriv takes away root and all capabilities, QEMU's own
 * seccomp filter comes on top. Immutable.
 */
final class Jail {
  /** Folders that QEMU loads at run time by name: firmware and, on Debian, the TCG module. */
  private static final List<Path> QEMU_FOLDERS =
      List.of(
          Path.of("/usr/share/qemu"),
          Path.of("/usr/share/seabios"),
          Path.of("/usr/lib/x86_64-linux-gnu/qemu"));

  private final Path bubblewrap;
  private final Path setpriv;
  private final Map<Path, Path> files;

  private Jail(Path bubblewrap, Path setpriv, Map<Path, Path> files) {
    this.bubblewrap = bubblewrap;
    this.setpriv = setpriv;
    this.files = files;
  }

  static Jail forProgram(Path program) {
    Path bubblewrap = find("bwrap", "bubblewrap");
    Path setpriv = find("setpriv", "util-linux");
    List<Path> programs = new ArrayList<>(List.of(setpriv, program));
    programs.addAll(modules());
    Map<Path, Path> files = new LinkedHashMap<>(SharedLibraries.of(programs));
    QEMU_FOLDERS.forEach(folder -> SharedLibraries.putFolder(files, folder));
    return new Jail(bubblewrap, setpriv, files);
  }

  /** QEMU's own, which need libraries as well: the accelerator is one of them. */
  private static List<Path> modules() {
    return Stream.of("accel-tcg-x86_64.so", "accel-tcg-i386.so")
        .map(module -> Path.of("/usr/lib/x86_64-linux-gnu/qemu", module))
        .filter(Files::exists)
        .toList();
  }

  static Path find(String program, String debianPackage) {
    for (String folder : List.of("/usr/bin", "/usr/sbin", "/bin", "/usr/local/bin")) {
      Path path = Path.of(folder, program);
      if (Files.isExecutable(path)) {
        return path;
      }
    }
    throw new PodflareException(
        ErrorCode.HOST_NOT_READY,
        program + " is not installed; install the Debian package " + debianPackage);
  }

  /**
   * What one inmate may see and be.
   *
   * @param uid user and group number, its own
   * @param memoryFile opened as file descriptor {@link CommandLine#MEMORY_FD}
   * @param writable place in the jail to folder of the host
   * @param readable place in the jail to file of the host
   * @param devices nodes that this uid may open, by the place where programs look for them
   * @param network the network namespace it is in; empty: one of its own, with nothing in it
   */
  record Inmate(
      int uid,
      Cgroup cgroup,
      Path memoryFile,
      Map<String, Path> writable,
      Map<String, Path> readable,
      Map<String, Path> devices,
      Optional<NetworkPort> network) {}

  /**
   * The whole command. The shell in front joins the control groups and opens the memory file: both
   * need root, and both fail when the daemon is gone, so that nothing starts behind its back.
   */
  List<String> command(Inmate inmate, List<String> program) {
    List<String> line = new ArrayList<>();
    StringBuilder script = new StringBuilder("set -e\n");
    for (Path file : inmate.cgroup().joinFiles()) {
      script.append("echo $$ > ").append(file).append('\n');
    }
    script.append("exec ").append(CommandLine.MEMORY_FD).append("<>").append(inmate.memoryFile());
    script.append("\nexec ").append(entry(inmate)).append("\"$@\"");
    add(line, "/bin/sh", "-c", script.toString(), "sh", bubblewrap.toString());
    add(line, "--unshare-ipc", "--unshare-pid", "--unshare-uts");
    if (inmate.network().isEmpty()) {
      add(line, "--unshare-net");
    }
    add(line, "--new-session", "--as-pid-1", "--clearenv", "--chdir", "/");
    // Emulation allocates and frees large tables from several threads: kept in one arena and given
    // back at once they cost a sandbox some megabytes less.
    add(line, "--setenv", "MALLOC_ARENA_MAX", "1", "--setenv", "MALLOC_MMAP_THRESHOLD_", "65536");
    add(line, "--setenv", "MALLOC_TRIM_THRESHOLD_", "65536");
    folders().forEach(folder -> add(line, "--perms", "0755", "--dir", folder));
    add(line, "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64");
    add(line, "--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin");
    files.forEach((place, file) -> add(line, "--ro-bind", file.toString(), place.toString()));
    add(line, "--proc", "/proc", "--dev", "/dev");
    add(line, "--perms", "0755", "--dir", "/dev/net");
    inmate.devices().forEach((place, node) -> add(line, "--dev-bind", node.toString(), place));
    inmate.writable().forEach((place, folder) -> add(line, "--bind", folder.toString(), place));
    inmate.readable().forEach((place, file) -> add(line, "--ro-bind", file.toString(), place));
    add(line, setpriv.toString(), "--reuid", "" + inmate.uid(), "--regid", "" + inmate.uid());
    add(line, "--clear-groups", "--no-new-privs", "--bounding-set=-all", "--");
    line.addAll(program);
    return line;
  }

  /** How the shell enters the network namespace, as words before the command. */
  private static String entry(Inmate inmate) {
    return switch (inmate.network().orElse(null)) {
      case null -> "";
      case NetworkPort.Place place -> "nsenter --net=" + place.namespace() + " -- ";
      case NetworkPort.Unconnected port -> {
        String make = "ip tuntap add name " + port.tap() + " mode tap user " + inmate.uid();
        yield "unshare --net -- sh -c '" + make + " && exec \"$@\"' sh ";
      }
    };
  }

  /** Parents of the bound files, made by name: those that bubblewrap makes are closed to others. */
  private Set<String> folders() {
    Set<String> folders = new LinkedHashSet<>();
    for (Path place : files.keySet()) {
      Path parent = place.getParent();
      for (int i = 1; parent != null && i <= parent.getNameCount(); i++) {
        folders.add("/" + parent.subpath(0, i));
      }
    }
    return folders;
  }

  private static void add(List<String> line, String... words) {
    line.addAll(List.of(words));
  }
}
