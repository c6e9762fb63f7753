package dev.podflare.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.podflare.client.Sandbox;
import dev.podflare.linux.ProcFs;
import dev.podflare.qemu.Machine;
import dev.podflare.qemu.MachineState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;

/** The jail of every machine of a running engine, read back from {@code /proc}. */
@OnPlatform
@Order(11)
class JailTest {
  private static final Set<String> ROOT =
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
          "shape.qcow2");
  private static final Pattern MACHINE = Pattern.compile("mch_[0-9a-f]+");

  @Test
  void everyMachineIsJailed(TestPlatform platform) throws Exception {
    try (Sandbox one = platform.create();
        Sandbox two = platform.create()) {
      platform.awaitPool(TestPlatform.POOL);
      List<Machine> machines = settled(platform);
      assertThat(machines).contains(platform.machine(one), platform.machine(two));
      assertThat(machines).hasSizeGreaterThanOrEqualTo(2 + TestPlatform.POOL);
      assertThat(machines).extracting(Machine::uid).doesNotHaveDuplicates();
      for (String space : List.of("mnt", "pid", "ipc", "uts", "net")) {
        Set<Path> spaces = new HashSet<>(Set.of(namespace("self", space)));
        for (Machine machine : machines) {
          spaces.add(namespace("" + machine.pid(), space));
        }
        assertThat(spaces)
            .as("namespaces of %s, with the host's", space)
            .hasSize(machines.size() + 1);
      }
      for (Machine machine : machines) {
        assertPowerless(machine);
        assertLimited(machine);
        assertSeesOnlyItsOwn(machine);
      }
    }
  }

  /** Those that are not just being started or ended. */
  private static List<Machine> settled(TestPlatform platform) {
    return platform.engine.probe().machines().stream()
        .filter(machine -> machine.pid() != 0 && machine.state() != MachineState.STARTING)
        .toList();
  }

  private static Path namespace(String process, String space) throws IOException {
    return Files.readSymbolicLink(Path.of("/proc", process, "ns", space));
  }

  private static void assertPowerless(Machine machine) {
    long pid = machine.pid();
    String uid = "" + machine.uid();
    assertThat(machine.uid()).isGreaterThan(1_000_000);
    for (String field : List.of("Uid", "Gid")) {
      assertThat(status(pid, field)).isEqualTo(String.join("\t", uid, uid, uid, uid));
    }
    assertThat(status(pid, "Groups")).isEmpty();
    for (String set : List.of("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")) {
      assertThat(status(pid, set)).as(set).isEqualTo("0000000000000000");
    }
    assertThat(status(pid, "NoNewPrivs")).isEqualTo("1");
    assertThat(status(pid, "Seccomp")).isEqualTo("2");
  }

  private static String status(long pid, String field) {
    return ProcFs.status(pid, field).orElseThrow();
  }

  /** In the files of whichever cgroup version this host has. */
  private static void assertLimited(Machine machine) throws IOException {
    assertThat(machine.cgroup().processes()).contains(machine.pid());
    long memory = machine.spec().memory().size().bytes();
    Set<String> limited = new HashSet<>();
    for (Path folder : machine.cgroup().folders()) {
      for (String file : List.of("memory.max", "memory.limit_in_bytes")) {
        if (Files.exists(folder.resolve(file))) {
          limited.add("memory");
          assertThat(number(folder, file)).isBetween(memory, 2 * memory + (512L << 20));
        }
      }
      for (String file : List.of("cpu.max", "cpu.cfs_quota_us")) {
        if (Files.exists(folder.resolve(file))) {
          limited.add("cpu");
          assertThat(number(folder, file)).isBetween(1L, 300_000L);
        }
      }
      if (Files.exists(folder.resolve("pids.max"))) {
        limited.add("pids");
        assertThat(number(folder, "pids.max")).isBetween(1L, 1000L);
      }
    }
    assertThat(limited).containsExactlyInAnyOrder("memory", "cpu", "pids");
  }

  private static long number(Path folder, String file) throws IOException {
    return Long.parseLong(Files.readString(folder.resolve(file)).strip().split(" ", 2)[0]);
  }

  private static void assertSeesOnlyItsOwn(Machine machine) throws IOException {
    Path inside = Path.of("/proc/" + machine.pid() + "/root");
    assertThat(names(inside)).isSubsetOf(ROOT);
    assertThat(names(inside.resolve("disk"))).allMatch(name -> name.endsWith(".qcow2"));
    assertThat(names(inside.resolve("vm"))).isSubsetOf("agent.in", "agent.out", "qmp", "incoming");
    // Its mounts come from its own two folders and from read-only files.
    for (String line : Files.readAllLines(Path.of("/proc/" + machine.pid() + "/mountinfo"))) {
      String[] fields = line.split(" ", -1);
      List<String> named = MACHINE.matcher(fields[3]).results().map(MatchResult::group).toList();
      assertThat(named).as(line).allMatch(machine.id()::equals);
      boolean own = List.of("/vm", "/disk").contains(fields[4]);
      boolean virtual =
          line.contains(" - tmpfs ") || line.contains(" - proc ") || line.contains(" - dev");
      boolean device = List.of("/dev/net/tun", "/dev/kvm").contains(fields[4]);
      assertThat(own || virtual || device || fields[5].startsWith("ro")).as(line).isTrue();
    }
    // Its folders on the host are closed to the others' users.
    Path run = inside.resolve("vm");
    assertThat(Files.getAttribute(run, "unix:uid")).isEqualTo(machine.uid());
    assertThat((int) Files.getAttribute(run, "unix:mode") & 0077).isZero();
    // Beside its disk it can neither make nor replace files; the disk itself is closed to others.
    Path disk = inside.resolve("disk");
    assertThat(Files.getAttribute(disk, "unix:uid")).isEqualTo(0);
    assertThat((int) Files.getAttribute(disk, "unix:mode") & 0022).isZero();
    for (String layer : names(disk)) {
      assertThat((int) Files.getAttribute(disk.resolve(layer), "unix:mode") & 0077)
          .as(layer)
          .isZero();
    }
    assertOpenFilesAreItsOwn(machine);
  }

  private static void assertOpenFilesAreItsOwn(Machine machine) throws IOException {
    try (Stream<Path> descriptors = Files.list(Path.of("/proc/" + machine.pid() + "/fd"))) {
      for (Path descriptor : descriptors.toList()) {
        String target = Files.readSymbolicLink(descriptor).toString();
        assertThat(target)
            .as("descriptor %s", descriptor)
            .matches(
                "(socket|pipe|anon_inode):.*|/memfd:podflare-ram.*|/dev/null|/dev/kvm|/dev/net/tun"
                    + "|/(disk|vm)/[^/]+|/base\\.raw|/shape\\.qcow2|/run/podflare/.*/"
                    + machine.id()
                    + "\\.log");
      }
    }
  }

  private static Set<String> names(Path folder) throws IOException {
    Set<String> names = new HashSet<>();
    try (Stream<Path> entries = Files.list(folder)) {
      entries.forEach(entry -> names.add(entry.getFileName().toString()));
    }
    return names;
  }
}
