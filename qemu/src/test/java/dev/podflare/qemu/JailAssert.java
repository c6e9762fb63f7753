package dev.podflare.qemu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.linux.ProcFs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** Reads a machine's jail back from {@code /proc}. */
final class JailAssert {
  private JailAssert() {}

  static void isJailed(Machine machine) throws Exception {
    long pid = machine.pid();
    String uid = "" + machine.uid();
    assertThat(status(pid, "Uid")).isEqualTo(String.join("\t", uid, uid, uid, uid));
    assertThat(status(pid, "Gid")).isEqualTo(String.join("\t", uid, uid, uid, uid));
    assertThat(status(pid, "Groups")).isEmpty();
    for (String set : List.of("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")) {
      assertThat(status(pid, set)).as(set).isEqualTo("0000000000000000");
    }
    assertThat(status(pid, "NoNewPrivs")).isEqualTo("1");
    assertThat(status(pid, "Seccomp")).isEqualTo("2");
    for (String space : List.of("mnt", "pid", "ipc", "uts", "net")) {
      Path own = Files.readSymbolicLink(Path.of("/proc/" + pid + "/ns/" + space));
      Path host = Files.readSymbolicLink(Path.of("/proc/self/ns/" + space));
      assertThat(own).as(space).isNotEqualTo(host);
    }
    assertThat(machine.cgroup().processes()).contains(pid);
    assertThat(rootEntries(pid))
        .isSubsetOf(
            Set.of(
                "usr",
                "lib",
                "lib64",
                "bin",
                "sbin",
                "proc",
                "dev",
                "vm",
                "disk",
                "kernel",
                "initrd",
                "base.raw",
                "shape.qcow2"));
    assertThat(Path.of("/proc/" + pid + "/root/etc")).doesNotExist();
  }

  private static Set<String> rootEntries(long pid) throws Exception {
    Set<String> names = new TreeSet<>();
    try (var entries = Files.list(Path.of("/proc/" + pid + "/root"))) {
      entries.forEach(entry -> names.add(entry.getFileName().toString()));
    }
    return names;
  }

  private static String status(long pid, String field) {
    return ProcFs.status(pid, field).orElseThrow();
  }
}
