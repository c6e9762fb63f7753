package dev.podflare.cli;

import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Looks at the host without changing it. Paths are seen from a root folder, so that tests can show
 * it other hosts. Thread-safe.
 */
final class HostChecks {
  private static final Pattern MEM_AVAILABLE = Pattern.compile("MemAvailable:\\s+(\\d+) kB");
  private static final long LEAST_MEMORY_KIB = 2L << 20;
  private static final long LEAST_DISK_BYTES = 10L << 30;

  private record Program(String name, String debianPackage) {}

  private static final List<Program> PROGRAMS =
      List.of(
          new Program("qemu-system-x86_64", "qemu-system-x86"),
          new Program("bwrap", "bubblewrap"),
          new Program("setpriv", "util-linux"),
          new Program("ip", "iproute2"),
          new Program("mmdebstrap", "mmdebstrap"),
          new Program("mke2fs", "e2fsprogs"),
          new Program("busybox", "busybox-static"),
          new Program("depmod", "kmod"),
          new Program("xz", "xz-utils"),
          new Program("zstd", "zstd"),
          new Program("cpio", "cpio"));

  private final Path root;
  private final Path data;
  private final boolean superuser;

  HostChecks(Path root, Path data, boolean superuser) {
    this.root = root;
    this.data = data;
    this.superuser = superuser;
  }

  List<HostCheck> all() {
    List<HostCheck> checks = new ArrayList<>();
    checks.add(HostCheck.good("java", Runtime.version().toString()));
    checks.add(user());
    checks.add(kernel());
    checks.add(cgroups());
    checks.add(kvmDevice());
    checks.add(memory());
    checks.add(disk());
    PROGRAMS.forEach(program -> checks.add(program(program)));
    return checks;
  }

  private HostCheck user() {
    return superuser
        ? HostCheck.good("user", "root")
        : HostCheck.bad(
            "user", System.getProperty("user.name", "?"), "run the daemon as root: it makes jails");
  }

  private HostCheck kernel() {
    String release = read("proc/sys/kernel/osrelease").orElse("unknown");
    return release.equals("unknown")
        ? HostCheck.bad("kernel", release, "Podflare needs Linux with /proc mounted")
        : HostCheck.good("kernel", release);
  }

  private HostCheck cgroups() {
    if (Files.exists(root.resolve("sys/fs/cgroup/cgroup.controllers"))) {
      return HostCheck.good("cgroups", "v2");
    }
    if (Files.isDirectory(root.resolve("sys/fs/cgroup/memory"))) {
      return HostCheck.good("cgroups", "v1");
    }
    return HostCheck.bad("cgroups", "none", "mount cgroup2 on /sys/fs/cgroup");
  }

  /** Only that the device is there: whether it accelerates, a probe has to show. */
  private HostCheck kvmDevice() {
    return Files.exists(root.resolve("dev/kvm"))
        ? HostCheck.good("/dev/kvm", "present")
        : HostCheck.weak(
            "/dev/kvm",
            "absent",
            "guests run in software, several times slower; enable virtualization if you can");
  }

  private HostCheck memory() {
    Matcher matcher = MEM_AVAILABLE.matcher(read("proc/meminfo").orElse(""));
    if (!matcher.find()) {
      return HostCheck.weak("memory", "unknown", "no /proc/meminfo");
    }
    long kib = Long.parseLong(matcher.group(1));
    String found = String.format(Locale.ROOT, "%.1f GiB available", kib / 1048576.0);
    return kib >= LEAST_MEMORY_KIB
        ? HostCheck.good("memory", found)
        : HostCheck.weak("memory", found, "2 GiB are the least for a few sandboxes");
  }

  private HostCheck disk() {
    Path existing = data;
    while (!Files.exists(existing) && existing.getParent() != null) {
      existing = existing.getParent();
    }
    try {
      FileStore store = Files.getFileStore(existing);
      long free = store.getUsableSpace();
      String found =
          String.format(
              Locale.ROOT, "%.1f GiB free for %s (%s)", free / 1073741824.0, data, store.type());
      return free >= LEAST_DISK_BYTES
          ? HostCheck.good("disk", found)
          : HostCheck.weak("disk", found, "a template build wants 10 GiB");
    } catch (IOException unreadable) {
      return HostCheck.bad("disk", data + ": " + unreadable.getMessage(), "choose another --data");
    }
  }

  private HostCheck program(Program program) {
    for (String folder :
        List.of("usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin")) {
      Path file = root.resolve(folder).resolve(program.name());
      if (Files.isExecutable(file)) {
        return HostCheck.good(program.name(), "/" + root.relativize(file));
      }
    }
    return HostCheck.bad(program.name(), "missing", "apt-get install " + program.debianPackage());
  }

  private Optional<String> read(String file) {
    try {
      return Optional.of(Files.readString(root.resolve(file)).strip());
    } catch (IOException unreadable) {
      return Optional.empty();
    }
  }
}
