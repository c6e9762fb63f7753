package dev.podflare.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InitrdTest {
  @TempDir Path folder;

  @Test
  void holdsBusyboxModulesAndScript() throws IOException {
    Map<String, byte[]> entries = unpack(Initrd.make(modules(), this::content));
    assertThat(entries.keySet())
        .containsExactly(
            "bin",
            "dev",
            "m",
            "new",
            "proc",
            "bin/busybox",
            "m/virtio_mmio.ko",
            "m/virtio_blk.ko",
            "m/failover.ko",
            "m/net_failover.ko",
            "m/virtio_net.ko",
            "init");
    assertThat(entries.get("bin/busybox"))
        .isEqualTo(Files.readAllBytes(HostPackages.program("busybox")));
    assertThat(entries.get("m/virtio_net.ko"))
        .asString(StandardCharsets.UTF_8)
        .endsWith("virtio_net.ko.xz");
    assertThat(entries.get("init"))
        .asString(StandardCharsets.UTF_8)
        .startsWith("#!/bin/busybox sh\n")
        .contains("for module in virtio_mmio virtio_blk failover net_failover virtio_net; do")
        .contains("switch_root /new /sbin/podflare-init");
  }

  @Test
  void sameInputsGiveTheSameBytes() throws IOException {
    assertThat(Initrd.make(modules(), this::content))
        .isEqualTo(Initrd.make(modules(), this::content));
  }

  @Test
  void kernelWithoutVirtioIsRefused() throws IOException {
    Files.writeString(folder.resolve("modules.builtin"), "");
    Files.writeString(folder.resolve("modules.dep"), "kernel/fs/ext4/ext4.ko.xz:\n");
    KernelModules none = KernelModules.read(folder);
    assertThatThrownBy(() -> Initrd.make(none, this::content))
        .hasMessageContaining("no usable module virtio_mmio");
  }

  @Test
  void circleOfModulesIsRefused() throws IOException {
    Files.writeString(folder.resolve("modules.builtin"), "");
    Files.writeString(folder.resolve("modules.dep"), "a.ko: b.ko\nb.ko: a.ko\n");
    KernelModules circle = KernelModules.read(folder);
    assertThatThrownBy(() -> circle.inOrder(List.of("a"))).hasMessageContaining("module a");
  }

  private byte[] content(Path module) {
    return module.toString().getBytes(StandardCharsets.UTF_8);
  }

  private KernelModules modules() throws IOException {
    Files.writeString(
        folder.resolve("modules.builtin"),
        "kernel/fs/ext4/ext4.ko\nkernel/drivers/char/virtio_console.ko\nkernel/x/virtio-ring.ko\n");
    Files.writeString(
        folder.resolve("modules.dep"),
        """
        kernel/drivers/virtio/virtio_mmio.ko.xz:
        kernel/drivers/block/virtio_blk.ko.xz: kernel/x/virtio-ring.ko
        kernel/drivers/net/virtio_net.ko.xz: kernel/drivers/net/net_failover.ko.xz kernel/net/core/failover.ko.xz
        kernel/drivers/net/net_failover.ko.xz: kernel/net/core/failover.ko.xz
        kernel/net/core/failover.ko.xz:
        """);
    return KernelModules.read(folder);
  }

  /** Reads cpio "newc" by its documentation, independent of the writer. */
  private static Map<String, byte[]> unpack(byte[] archive) {
    assertThat(archive.length % 512).isZero();
    Map<String, byte[]> entries = new LinkedHashMap<>();
    int at = 0;
    while (true) {
      String header = new String(archive, at, 110, StandardCharsets.US_ASCII);
      assertThat(header).startsWith("070701");
      int size = Integer.parseInt(header.substring(54, 62), 16);
      int nameSize = Integer.parseInt(header.substring(94, 102), 16);
      String name = new String(archive, at + 110, nameSize - 1, StandardCharsets.US_ASCII);
      if (name.equals("TRAILER!!!")) {
        return entries;
      }
      int data = (at + 110 + nameSize + 3) & ~3;
      entries.put(name, java.util.Arrays.copyOfRange(archive, data, data + size));
      at = (data + size + 3) & ~3;
    }
  }
}
