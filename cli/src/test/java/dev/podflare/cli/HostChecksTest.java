package dev.podflare.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostChecksTest {
  @TempDir private Path root;

  private HostCheck check(String name, boolean superuser) {
    return all(superuser).stream().filter(it -> it.name().equals(name)).findFirst().orElseThrow();
  }

  private List<HostCheck> all(boolean superuser) {
    return new HostChecks(root, root.resolve("data/not/yet"), superuser).all();
  }

  private void file(String path, String text) throws Exception {
    Path file = root.resolve(path);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  @Test
  void anEmptyHostLacksEverything() {
    assertThat(check("user", false).verdict()).isEqualTo(HostCheck.Verdict.BAD);
    assertThat(check("kernel", true).verdict()).isEqualTo(HostCheck.Verdict.BAD);
    assertThat(check("cgroups", true).verdict()).isEqualTo(HostCheck.Verdict.BAD);
    assertThat(check("/dev/kvm", true).verdict()).isEqualTo(HostCheck.Verdict.WEAK);
    assertThat(check("bwrap", true).advice()).isEqualTo("apt-get install bubblewrap");
    assertThat(DoctorCommand.exitCode(all(true))).isEqualTo(2);
  }

  @Test
  void aFurnishedHostIsSeen() throws Exception {
    file("proc/sys/kernel/osrelease", "6.12.0\n");
    file("proc/meminfo", "MemTotal: 9 kB\nMemAvailable:    1048576 kB\n");
    file("sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n");
    file("dev/kvm", "");
    file("usr/bin/bwrap", "");
    assertThat(check("kernel", true)).isEqualTo(HostCheck.good("kernel", "6.12.0"));
    assertThat(check("cgroups", true).found()).isEqualTo("v2");
    assertThat(check("/dev/kvm", true).verdict()).isEqualTo(HostCheck.Verdict.GOOD);
    assertThat(check("memory", true).verdict()).isEqualTo(HostCheck.Verdict.WEAK);
    assertThat(check("memory", true).found()).isEqualTo("1.0 GiB available");
    assertThat(check("bwrap", true)).isEqualTo(HostCheck.good("bwrap", "/usr/bin/bwrap"));
    assertThat(check("disk", true).found()).contains("free for");
  }

  @Test
  void weakHostsStillServe() {
    assertThat(DoctorCommand.exitCode(List.of(HostCheck.weak("a", "b", "c")))).isZero();
  }
}
