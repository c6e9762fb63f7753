package dev.podflare.cli;

import dev.podflare.common.PodflareException;
import dev.podflare.qemu.Accelerator;
import dev.podflare.qemu.Hypervisor;
import dev.podflare.qemu.HypervisorConfig;
import java.nio.file.Path;

/** Connects doctor with the accelerator probe. */
final class AcceleratorWiring {
  private AcceleratorWiring() {}

  /** Runs the probe, in a folder of its own, and says which accelerator is chosen, and why. */
  static HostCheck probe() {
    String instance = String.format("d0c%05x", ProcessHandle.current().pid() & 0xfffff);
    Path folder = TemporaryFolder.create("podflare-doctor");
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
      TemporaryFolder.delete(folder);
    }
  }
}
