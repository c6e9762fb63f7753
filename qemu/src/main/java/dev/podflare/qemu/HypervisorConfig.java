package dev.podflare.qemu;

import java.nio.file.Path;
import java.time.Duration;

/**
 * Settings of a {@link Hypervisor}.
 *
 * @param instance eight hex digits that tell this daemon's things from another's
 * @param runFolder sockets and journals; a short path, since socket names are limited
 * @param dataFolder disks of machines, below {@code machines}; may hold device nodes
 * @param accelerator which one to use
 * @param commandDeadline most time for one QMP command
 * @param startDeadline most time until a fresh QEMU answers
 * @param translationMebibytes size of an emulated machine's buffer of translated code, MiB
 */
public record HypervisorConfig(
    String instance,
    Path runFolder,
    Path dataFolder,
    Choice accelerator,
    Duration commandDeadline,
    Duration startDeadline,
    int translationMebibytes) {

  public enum Choice {
    AUTO,
    KVM,
    TCG
  }

  public static HypervisorConfig of(String instance, Path dataFolder, Choice accelerator) {
    return new HypervisorConfig(
        instance,
        Path.of("/run/podflare", instance),
        dataFolder,
        accelerator,
        Duration.ofSeconds(20),
        Duration.ofSeconds(30),
        64);
  }
}
