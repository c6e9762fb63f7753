package dev.podflare.image;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import dev.podflare.image.Commands.Command;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * The kernel that the guest's packages brought.
 *
 * @param version as in {@code uname -r}
 * @param image bzImage on the host
 */
record GuestKernel(String version, Path image, KernelModules modules) {

  /** The only kernel in the guest's files, or {@code BUILD_FAILED}. */
  static GuestKernel in(RootTree tree) throws IOException {
    List<String> images =
        tree.list("/boot").stream().filter(name -> name.startsWith("vmlinuz-")).toList();
    if (images.size() != 1) {
      throw new PodflareException(
          ErrorCode.BUILD_FAILED,
          "The guest must have exactly one kernel in /boot, and has "
              + images
              + "; name one kernel package in the recipe.");
    }
    String version = images.getFirst().substring("vmlinuz-".length());
    return new GuestKernel(
        version,
        tree.resolve("/boot/" + images.getFirst()),
        KernelModules.read(tree.resolve("/lib/modules/" + version)));
  }

  /** Reads modules, unpacking those that the distribution packs; {@code folder} for scratch. */
  Initrd.ModuleReader reader(String step, Commands commands, Path folder) {
    return module -> {
      String name = module.toString();
      String tool = name.endsWith(".xz") ? "xz" : name.endsWith(".zst") ? "zstd" : "";
      if (tool.isEmpty()) {
        return Files.readAllBytes(module);
      }
      Path packed = folder.resolve("module.ko" + name.substring(name.lastIndexOf('.')));
      Path unpacked = folder.resolve("module.ko");
      Files.copy(module, packed);
      commands.run(
          new Command(
              step, Duration.ofMinutes(1), List.of(tool, "-d", "-q", "-k", packed.toString())));
      byte[] bytes = Files.readAllBytes(unpacked);
      Files.delete(packed);
      Files.delete(unpacked);
      return bytes;
    };
  }
}
