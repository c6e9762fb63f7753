package dev.podflare.image;

import dev.podflare.common.ErrorCode;
import dev.podflare.common.PodflareException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Makes the initrd: a static busybox, the virtio drivers, and a script that mounts the root disk
 * and hands over to the guest's init. Not compressed: unpacking costs an emulated guest more than
 * loading. The same inputs give the same bytes. Stateless.
 */
final class Initrd {
  private static final List<String> MODULES =
      List.of("virtio_mmio", "virtio_blk", "virtio_console", "virtio_net", "ext4");

  private Initrd() {}

  /** Reads a kernel module as the kernel wants it: not compressed. */
  interface ModuleReader {
    byte[] read(Path module) throws IOException;
  }

  static byte[] make(KernelModules modules, ModuleReader reader) throws IOException {
    Map<String, Path> files = modules.inOrder(MODULES);
    Cpio cpio = new Cpio();
    for (String folder : List.of("bin", "dev", "m", "new", "proc")) {
      cpio.folder(folder);
    }
    cpio.file("bin/busybox", 0755, Files.readAllBytes(HostPackages.program("busybox")));
    for (Map.Entry<String, Path> module : files.entrySet()) {
      cpio.file("m/" + module.getKey() + ".ko", 0644, reader.read(module.getValue()));
    }
    String script = script(List.copyOf(files.keySet()));
    return cpio.file("init", 0755, script.getBytes(StandardCharsets.UTF_8)).finish();
  }

  static String script(List<String> modules) {
    try (var in = Initrd.class.getResourceAsStream("initrd-init.sh")) {
      if (in == null) {
        throw new PodflareException(ErrorCode.INTERNAL, "The initrd's script is not in the jar.");
      }
      String names = modules.stream().collect(Collectors.joining(" "));
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).replace("@MODULES@", names);
    } catch (IOException e) {
      throw new PodflareException(ErrorCode.INTERNAL, "Cannot read the initrd's script.", e);
    }
  }
}
