package dev.podflare.cli;

import dev.podflare.common.PodflareException;
import dev.podflare.qemu.Accelerator;
import dev.podflare.qemu.Hypervisor;
import dev.podflare.qemu.HypervisorConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Connects doctor with the accelerator probe. */
final class AcceleratorWiring {
  private AcceleratorWiring() {}

  /** Runs the probe, in a folder of its own, and says which accelerator is chosen, and why. */
  static HostCheck probe() {
    String instance = String.format("d0c%05x", ProcessHandle.current().pid() & 0xfffff);
    Path folder = temporaryFolder();
    try (Hypervisor hypervisor =
        Hypervisor.open(HypervisorConfig.of(instance, folder, HypervisorConfig.Choice.AUTO))) {
      Accelerator chosen = hypervisor.accelerator();
      String found = chosen.kind().wireName() + ": " + chosen.reason();
      return chosen.kind() == Accelerator.Kind.KVM
          ? HostCheck.good("accelerator", found)
          : HostCheck.weak("accelerator", found, "guests run in software; --accel kvm overrides");
    } catch (PodflareException e) {
      return HostCheck.bad("accelerator", "cannot start a machine", e.sentence());
    } finally {
      delete(folder);
    }
  }

  private static Path temporaryFolder() {
    try {
      return Files.createTempDirectory("podflare-doctor");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void delete(Path folder) {
    try (var tree = Files.walk(folder)) {
      for (Path path : tree.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
